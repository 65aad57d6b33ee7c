"""Releases of somebody who means no good: every digest is right, and what is inside is not what nfsroot writes."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
from pathlib import Path

import pytest
from made_releases import Made, join, package, read, zstd

from builder.cli.diff_text import lines
from builder.difference.compare import compare
from builder.difference.page import render
from builder.difference.printable import escape_unprintable
from builder.disk import sha256
from builder.errors import InputError
from builder.recipe.models import Recipe
from builder.release.manifest import FILE, Manifest, released_file

BUNDLE, ROOT, LIST = "debian-nfsroot-1.0-server.tar.gz", "debian-nfsroot-1.0-root.tar.zst", "tree.tsv.zst"


def unzstd(data: bytes) -> bytes:
    """The content of a zstd frame."""
    return subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=True).stdout


def spoil(content: bytes, drawn: random.Random) -> bytes:
    """The content with bytes, lines or its end changed, so that it can still be compressed."""
    spoilt = bytearray(content)
    for _ in range(drawn.randint(1, 40)):
        spoilt[drawn.randrange(len(spoilt))] = drawn.choice(
            b"\n\t\x00\x1b\xff/.{}'\"0=" + bytes([drawn.randrange(256)])
        )
    if drawn.random() < 0.2:
        del spoilt[drawn.randrange(len(spoilt)) :]
    if drawn.random() < 0.3:
        text = spoilt.split(b"\n")
        drawn.shuffle(text)
        spoilt = bytearray(b"\n".join(text))
    return bytes(spoilt)


def replace_part(release: Path, name: str, index: int, drawn: random.Random) -> None:
    """Spoil a part of a file of the release, with a manifest that fits it."""
    manifest = Manifest.read(release)
    file = next(file for file in manifest.files if file.path == name)
    data, start, parts = (release / name).read_bytes(), 0, []
    for part in file.parts:
        parts.append(data[start : start + part.size])
        start += part.size
    packed, unpack = (gzip.compress, gzip.decompress) if name == BUNDLE else (zstd, unzstd)
    parts[index] = packed(spoil(unpack(parts[index]), drawn))
    (release / name).unlink()
    joined = join(release / name, parts)
    document = json.loads((release / FILE).read_bytes())
    changed = released_file(name, (release / name).stat().st_size, sha256(release / name), joined)
    document["files"] = [
        changed.model_dump(mode="json") if each["path"] == name else each for each in document["files"]
    ]
    (release / FILE).write_text(json.dumps(document))


@pytest.mark.parametrize("seed", range(60))
def test_spoilt_content(tmp_path: Path, debian: Recipe, seed: int) -> None:
    """Whatever is inside, the release is refused in words or compared; nothing that is shown moves a cursor."""
    drawn = random.Random(seed)
    tree = [(f"usr/f{number}", 0o644, b"x", "p") for number in range(20)]
    one = Made(debian, "1.0", packages=[package("p", "1")], tree=tree).write(tmp_path / "a")
    other = Made(debian, "2.0", packages=[package("p", "2")], tree=tree[3:]).write(tmp_path / "b")
    for name, index in drawn.sample([(BUNDLE, 0), (ROOT, 1), (LIST, 0), (LIST, 1)], drawn.randint(1, 3)):
        replace_part(one, name, index, drawn)
    try:
        difference = compare(read(one), read(other))
    except InputError as error:
        assert any(word in str(error) for word in ("is damaged", "is no list of a tree"))
        return
    shown = [escape_unprintable(line.text) for line in lines(difference)]
    assert shown
    assert not [line for line in shown if not line.replace("\t", "").isprintable()]
    assert render(difference).encode()
