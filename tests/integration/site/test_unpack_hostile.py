"""Archives that want to do harm: each is refused, nothing outside is touched, and nothing is left of it."""

from __future__ import annotations

import subprocess
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile_archive import (
    Change,
    add_members,
    change_member,
    drop_member,
    file,
    other,
    read_root,
    replace_file,
    root_of,
    several,
)
from made_releases import zstd
from unpack_case import release

from builder.errors import NfsrootError
from builder.site import tree, unpacking
from builder.site.places import Places
from builder.site.records import read_records
from builder.site.source import open_directory
from builder.site.unpacking import unpack
from builder.store.errors import UntrustedError
from builder.store.release import read_manifest
from builder.store.tree_entries import escape


@pytest.fixture
def victim(places: Places) -> Path:
    """A file of the server that no archive may change."""
    victim = places.root / "victim/file"
    victim.parent.mkdir()
    victim.write_text("untouched")
    return victim


def try_to_unpack(places: Places, directory: Path) -> NfsrootError:
    """Unpack a release that is refused, and return why; nothing but the site's own data is left."""
    with pytest.raises(NfsrootError) as refused:
        unpack(places, open_directory(directory), ("unpack",), lambda _event: None, lambda _state: None)
    left = [str(path.relative_to(places.root)) for path in places.root.rglob("*") if not path.is_dir()]
    assert [path for path in left if path != "victim/file"] == []
    assert read_records(places) == {}
    return refused.value


def test_the_same_way_a_good_archive_is_unpacked(places: Places, tmp_path: Path) -> None:
    """An archive to which nothing was added passes: what refuses the others is what was added to them."""
    made = add_members(release(tmp_path), lambda _archive: None)
    assert unpack(places, open_directory(made), ("unpack",), lambda _event: None, lambda _state: None)


ADDED = {
    "a path beside the list": file("usr/bin/evil"),
    "absolute path": file("/victim/evil"),
    "path above": file("../../../victim/evil"),
    "path above, further in": file("usr/../../../../victim/evil"),
    "newline in a name": file("usr/bin/a\nb"),
    "device": other("usr/disk", tarfile.BLKTYPE, devmajor=8, devminor=0),
    "named pipe": other("usr/pipe", tarfile.FIFOTYPE),
    "set-user-id": file("usr/bin/su", mode=0o4755),
    "a path twice": file("usr/share/empty", b""),
    "a second name of a file": other("usr/bin/other", tarfile.LNKTYPE, linkname="usr/bin/tool"),
    "hard link to outside": other("usr/bin/passwd", tarfile.LNKTYPE, linkname="/etc/passwd"),
    "hard link above": other("usr/bin/passwd", tarfile.LNKTYPE, linkname="../../../victim/file"),
    "link, then a file through it": several(
        other("usr/lib/out", tarfile.SYMTYPE, linkname="/victim"), file("usr/lib/out/file")
    ),
    "link above, then a file through it": several(
        other("usr/lib/out", tarfile.SYMTYPE, linkname="../../../../../victim"), file("usr/lib/out/file")
    ),
    "many empty files": lambda archive: [file(f"usr/{number}", b"")(archive) for number in range(50_000)],
}


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("change", ADDED.values(), ids=ADDED)
def test_something_was_added(places: Places, victim: Path, tmp_path: Path, change: Change, first: bool) -> None:
    """What the list does not name is refused, wherever it stands in the archive, and whatever it is."""
    refused = try_to_unpack(places, add_members(release(tmp_path), change, first=first))
    assert refused.exit_status == 3
    assert victim.read_text() == "untouched"
    assert sorted(path.name for path in victim.parent.iterdir()) == ["file"]


def test_a_link_in_the_place_of_a_directory(places: Places, victim: Path, tmp_path: Path) -> None:
    """A link that stands where the list has a directory leads nobody out of the tree."""
    made = change_member(release(tmp_path), "usr/share", type=tarfile.SYMTYPE, linkname=str(victim.parent))
    refused = try_to_unpack(places, made)
    assert "usr/share" in refused.details
    assert sorted(path.name for path in victim.parent.iterdir()) == ["file"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mode": 0o6755}, "mode 6755, and not 4755"),
        ({"uid": 1000}, "owner 1000:0, and not 0:0"),
        ({"type": tarfile.CHRTYPE, "size": 0, "devmajor": 1, "devminor": 1}, "is of type c, and not f"),
    ],
)
def test_a_member_is_another(places: Places, tmp_path: Path, changes: dict[str, object], words: str) -> None:
    """Mode, owner and type of each path are those of the list."""
    made = change_member(release(tmp_path), "usr/bin/tool", **changes)
    assert f"usr/bin/tool: {words}" in try_to_unpack(places, made).details


def test_other_content(places: Places, tmp_path: Path) -> None:
    """A file with other content than the list's digest says is refused, and named."""
    made = release(tmp_path)
    content = read_root(made).replace(b"#!/bin/sh\n", b"#!/bin/SH\n")
    replace_file(made, root_of(made).name, zstd(content))
    assert "usr/bin/tool: other content" in try_to_unpack(places, made).details


@pytest.mark.parametrize("way", ["a file once more", "a second name"])
def test_content_that_changes_after_it_was_compared(places: Places, tmp_path: Path, way: str) -> None:
    """A path that comes twice is refused, also where tar makes a directory that is missing, so that the number fits."""
    made = drop_member(release(tmp_path), "usr/share")
    again = {
        "a file once more": file("usr/bin/tool", b"#!/bin/SH\n"),
        "a second name": other("usr/bin/tool", tarfile.LNKTYPE, linkname="usr/share/empty"),
    }
    refused = try_to_unpack(places, add_members(made, again[way]))
    assert refused.brief.endswith("it holds a path twice, or one that the list of its tree lacks: usr/bin/tool") or (
        way == "a second name" and "usr/bin/tool link to usr/share/empty" in refused.brief
    )


def test_messages_of_tar_are_shown(places: Places, tmp_path: Path) -> None:
    """tar writes all its messages, also where they are longer than every file of the tree, and the error shows some."""
    links = [other(f"usr/bin/link{number}", tarfile.LNKTYPE, linkname="not/there") for number in range(120)]
    refused = try_to_unpack(places, add_members(release(tmp_path), several(*links)))
    assert refused.brief.endswith("cannot be unpacked: tar refuses it")
    assert "usr/bin/link0: Cannot hard link to" in refused.details


def test_sparse_bomb(places: Places, tmp_path: Path) -> None:
    """A file of a tebibyte of holes is stopped at the size of the largest file in the list."""
    (tmp_path / "bomb").mkdir()
    with (tmp_path / "bomb/tool").open("wb") as bomb:
        bomb.truncate(1 << 40)
    packed = subprocess.run(
        ["tar", "-C", tmp_path / "bomb", "--sparse", "--transform=s,^,usr/bin/,", "-cf", "-", "tool"],
        capture_output=True,
        check=True,
    )
    made = release(tmp_path)
    replace_file(made, root_of(made).name, zstd(packed.stdout))
    assert "tar" in try_to_unpack(places, made).brief


def test_zstd_bomb(places: Places, tmp_path: Path) -> None:
    """A few kilobytes that unpack to gigabytes are stopped when they exceed the list."""
    made = release(tmp_path)
    header = tarfile.TarInfo("usr/bin/tool")
    header.size = 1 << 40
    zeros = zstd(bytes(64 << 20))
    replace_file(made, root_of(made).name, zstd(header.tobuf(tarfile.GNU_FORMAT)) + zeros * 64)
    begun = time.monotonic()
    refused = try_to_unpack(places, made)
    assert isinstance(refused, UntrustedError)
    assert time.monotonic() - begun < 30


def test_truncated_archive(places: Places, tmp_path: Path) -> None:
    """An archive that ends in the middle is refused, whether zstd or tar finds out."""
    for number, cut in enumerate((lambda data: data[:-20], lambda data: zstd(data[:700]))):
        made = release(tmp_path / str(number))
        replace_file(made, root_of(made).name, cut(root_of(made).read_bytes()))
        assert isinstance(try_to_unpack(places, made), UntrustedError)


@pytest.mark.parametrize("name", ["kerrighed", "debian-image"])
def test_corrupted_after_signing(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A byte that changed after the manifest was written is found, in any file, before anybody uses the file."""
    used: list[Path] = []
    for module, function in (
        (unpacking, "read_listing"), (unpacking.bundle, "read_settings"),
        (tree, "unpack_archive"), (unpacking, "clone_or_copy"),
    ):  # fmt: skip
        monkeypatch.setattr(module, function, _noting(used, getattr(module, function)))
    files = [file.path for file in read_manifest(release(tmp_path / "whole", name=name)).files]
    assert {"tree.tsv.zst", f"{name}-1.0-server.tar.gz"} < set(files)
    for path in files:
        made = release(tmp_path / path, name=name)
        content = bytearray((made / path).read_bytes())
        content[len(content) // 2] ^= 1
        (made / path).write_bytes(content)
        refused = try_to_unpack(places, made)
        assert isinstance(refused, UntrustedError)
        assert f"{made / path} is not the file that the manifest names" in str(refused)
        assert made / path not in used
    assert used != []


def _noting(used: list[Path], call: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which notes the file that it gets first."""

    def noting(file: Path, *arguments: object) -> object:
        used.append(file)
        return call(file, *arguments)

    return noting


def test_odd_names_are_names(places: Places, tmp_path: Path) -> None:
    """Paths with newlines, backslashes and blanks are unpacked where the list has them."""
    names = ["new\nline", "back\\slash", "blank and -> arrow", "tab\t link to x"]
    made = release(tmp_path, tree=[(f"usr/share/{name}", 0o644, name.encode(), "p") for name in names])
    text = subprocess.run(["zstd", "-dcq", made / "tree.tsv.zst"], capture_output=True, check=True).stdout.decode()
    for name in names:
        text = text.replace(f"usr/share/{name}", f"usr/share/{escape(name)}")
    replace_file(made, "tree.tsv.zst", zstd(text.encode()))
    assert unpack(places, open_directory(made), ("unpack",), lambda _event: None, lambda _state: None)
    tree = places.on_server("/NFSROOT/kerrighed/1.0/usr/share")
    assert {path.name: path.read_text() for path in tree.iterdir()} == {name: name for name in names}


def test_a_bundle_that_leads_outside(places: Places, victim: Path, tmp_path: Path) -> None:
    """The server bundle names no path outside of it, nothing twice, and has files alone."""
    for number, change in enumerate((file("../evil"), file("settings.json"), other("srv/x", tarfile.SYMTYPE))):
        made = release(tmp_path / str(number))
        bundle = made / "kerrighed-1.0-server.tar.gz"
        with tarfile.open(bundle) as archive:
            members = [(each, archive.extractfile(each) if each.isreg() else None) for each in archive]
            with tarfile.open(tmp_path / "new.tar.gz", "w:gz") as written:
                for each, content in members:
                    written.addfile(each, content)
                change(written)
        replace_file(made, bundle.name, (tmp_path / "new.tar.gz").read_bytes())
        assert isinstance(try_to_unpack(places, made), UntrustedError)
    assert victim.read_text() == "untouched"


def test_a_full_disk(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without room nothing begins; when others take the room meanwhile, nothing of the release is left."""
    made = release(tmp_path, tree=[("usr/big", 0o644, bytes(3 << 20), "p")])
    server = places.root / "NFSROOT"
    server.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", server], check=True)
    try:
        assert "MB free" in try_to_unpack(places, made).brief
        monkeypatch.setattr(unpacking, "check_room", lambda _needs: None)
        assert "the disk is full" in try_to_unpack(places, made).brief
        assert list(server.rglob("*/*/*")) == []
    finally:
        subprocess.run(["umount", server], check=True)
