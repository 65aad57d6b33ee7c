"""Releases of another nfsroot, and damaged ones: what can be read is, and nothing ends in a traceback."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Nfsroot

from builder.release.manifest import FILE, Manifest

RELEASE = "output/kerrighed/1.0"
VERBS = (
    ("show", RELEASE),
    ("list",),
    ("plan", "kerrighed"),
    ("capacity", RELEASE),
    ("sbom", RELEASE),
    ("diff", RELEASE, RELEASE),
    ("diff", RELEASE, "kerrighed"),
    ("lab", RELEASE, "--nodes", "nobody"),
)
ODD = (None, True, -1, 10**30, 1.5, "", "\u20ac", "x" * 300, [], {}, [[]], {"x": None}, ["x"])
"""Values of every kind that JSON has, none of which belongs where it is put."""


@pytest.fixture
def release(nfsroot: Nfsroot, manifest: Manifest) -> Path:
    """The directory of release 1.0 of the recipe kerrighed, which holds its manifest."""
    directory = Path(RELEASE)
    directory.mkdir(parents=True)
    (directory / FILE).write_text(manifest.text(), encoding="utf-8")
    return directory


def test_show_says_what_schema_1_lacks(nfsroot: Nfsroot, release: Path) -> None:
    """A release whose manifest has no parts is shown, with a sentence for each thing that is not known of it."""
    document = json.loads((release / FILE).read_bytes())
    for file in document["files"]:
        del file["parts"]
    (release / FILE).write_text(json.dumps({**document, "schema_version": 1}), encoding="utf-8")
    done = nfsroot("show", RELEASE)
    assert done.status == 0
    assert [line.split(":")[0] for line in done.out.splitlines() if line.startswith("schema")] == ["schema 1"] * 2


def tables(value: Any) -> Iterator[dict[str, Any] | list[Any]]:
    """Every table and list in `value`, itself included."""
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from tables(inner)


def changed(manifest: dict[str, Any], drawn: random.Random) -> bytes:
    """A manifest with one to three things deleted, replaced or added, and perhaps a damaged byte."""
    made = copy.deepcopy(manifest)
    for _ in range(drawn.randint(1, 3)):
        table = drawn.choice([each for each in tables(made) if each])
        place = drawn.choice(list(table) if isinstance(table, dict) else range(len(table)))
        match drawn.randrange(3), table:
            case 0, _:
                del table[place]
            case 1, dict():
                table["new_in_another_version"] = drawn.choice(ODD)
            case _:
                table[place] = drawn.choice(ODD)
    text = bytearray(json.dumps(made, indent=1, ensure_ascii=False).encode())
    if drawn.random() < 0.3:
        text[drawn.randrange(len(text))] = drawn.randrange(256)
    if drawn.random() < 0.1:
        del text[drawn.randrange(len(text)) :]
    return bytes(text)


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_release_ends_no_verb_in_a_traceback(nfsroot: Nfsroot, release: Path, seed: int) -> None:
    """Whatever a manifest holds, each verb does its work or names the file and the way out, and the file stays."""
    text = changed(json.loads((release / FILE).read_bytes()), random.Random(seed))
    (release / FILE).write_bytes(text)
    for arguments in VERBS:
        ended = nfsroot(*arguments)
        assert ended.status in (0, 2), ended.err
        if ended.status:
            assert ended.err.startswith("nfsroot: ")
            assert len(ended.err.splitlines()) < 12
    assert (release / FILE).read_bytes() == text


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"a":' * 100_000])
def test_what_is_no_manifest(nfsroot: Nfsroot, release: Path, text: bytes) -> None:
    """A verb that needs one release says that its manifest cannot be read; the others go on without it."""
    (release / FILE).write_bytes(text)
    shown = nfsroot("show", RELEASE)
    assert shown.status == 2
    assert shown.err.startswith(f"nfsroot: {RELEASE}/{FILE} is not a manifest that nfsroot ")
    assert "\n-> " in shown.err
    listed = nfsroot("list")
    assert listed.status == 0
    assert f"release  {RELEASE}  lab: unknown ({RELEASE}/{FILE} is not a manifest" in listed.out
    assert nfsroot("plan", "kerrighed").status == 0


def test_release_of_a_later_nfsroot(nfsroot: Nfsroot, release: Path) -> None:
    """Fields and keys of a recipe that came later are passed over, and `--json` prints them as they stand."""
    known = json.loads((release / FILE).read_bytes())
    known["signed_by"] = "somebody"
    known["recipe"]["boot"]["new_key"] = 5
    known["recipe"]["cluster"]["nodes"][0]["rack"] = "r1"
    (release / FILE).write_text(json.dumps(known), encoding="utf-8")
    shown = nfsroot("show", RELEASE)
    assert (shown.status, shown.err) == (0, "")
    assert "ports    22/tcp" in shown.out
    assert "somebody" in nfsroot("show", RELEASE, "--json").out
    assert "the release has no node nobody" in nfsroot("lab", RELEASE, "--nodes", "nobody").err


def test_recipe_that_says_too_little(nfsroot: Nfsroot, release: Path) -> None:
    """A release whose recipe lacks what this nfsroot needs is shown as far as it goes; the lab names its nfsroot."""
    known = json.loads((release / FILE).read_bytes())
    del known["recipe"]["boot"]
    known["tools"] = {"nfsroot": "0.0.7"}
    (release / FILE).write_text(json.dumps(known), encoding="utf-8")
    shown = nfsroot("show", RELEASE)
    assert shown.status == 0
    assert "ports    unknown: nfsroot" in shown.out
    refused = nfsroot("lab", RELEASE, "--nodes", "nobody")
    assert refused.status == 2
    assert "cannot read the recipe in the manifest of kerrighed 1.0, which nfsroot 0.0.7 made\nboot: " in refused.err
    assert "\n-> Use nfsroot 0.0.7 for this release, or build it anew with this one." in refused.err


def test_manifest_that_may_not_be_read(nfsroot: Nfsroot, release: Path) -> None:
    """A manifest that is a link to nowhere is as good as none, and a directory in its place ends in words."""
    (release / FILE).unlink()
    (release / FILE).mkdir()
    assert nfsroot("show", RELEASE).status == 2
    assert nfsroot("list").status == 0
