"""Kinds of releases: images over NFS and HTTP, shared directories outside the root, and what nodes keep."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_releases import Made, with_changes
from unpack_case import TREE, recipe, with_shared

from builder.site.places import Places
from builder.site.source import open_directory
from builder.site.unpacking import unpack
from builder.site.verification import find_records, verify
from builder.store.errors import RefusedError


def unpack_on(places: Places, made: Path) -> None:
    """Unpack a release, which then is as it should be."""
    assert unpack(places, open_directory(made), ("unpack",), lambda _event: None, lambda _state: None)
    for record in find_records(places, None, None):
        assert verify(places, record).differences == ()


def test_image_over_http(places: Places, tmp_path: Path) -> None:
    """An image that HTTP serves stands beside kernel and initramfs, with its overlay."""
    made = Made(recipe("debian-image"), "1.0", tree=TREE).write(tmp_path)
    unpack_on(places, made)
    (record,) = find_records(places, "debian-image", "1.0")
    place = places.on_server(record.settings.root.place)
    assert place.read_bytes() == b"an image"
    assert (places.on_server(record.settings.root.directory) / "overlay.tar.zst").is_file()
    assert (places.served / "debian-image/1.0/vmlinuz-6.12.1-amd64").is_file()
    place.write_bytes(b"another image")
    assert [each.what for each in verify(places, record).differences] == ["other content"]


def test_shared_directories_outside_the_root(places: Places, tmp_path: Path) -> None:
    """With NFSv4, shared directories stand beside the root, in which a mount point stays."""
    changed = with_changes(with_shared(recipe("debian-nfsroot"), "/var/spool"), root__nfs_version=4)
    made = Made(changed, "1.0", tree=[*TREE, ("var/spool/x", 0o644, b"", "p")])
    unpack_on(places, made.write(tmp_path))
    (record,) = find_records(places, None, None)
    root = record.settings.root
    assert (root.shared, root.shared_directory) == (("/var/spool",), "/NFSROOT/debian-nfsroot/1.0.shared")
    assert places.on_server(root.shared_directory + "/var/spool/x").is_file()
    assert list(places.on_server(root.directory + "/var/spool").iterdir()) == []


def test_what_nodes_keep(places: Places, tmp_path: Path) -> None:
    """Each node gets a directory; a release in which an account has another number is refused before it appears."""
    changed = recipe("debian-nfsroot")
    passwd = b"root:x:0:0::/root:/bin/sh\nntp:x:101:101::/:/bin/false\n"
    other = passwd.replace(b"101:101", b"102:102")
    unpack_on(places, Made(changed, "1.0", tree=[("etc/passwd", 0o644, passwd, "")]).write(tmp_path))
    (record,) = find_records(places, None, None)
    root = record.settings.root
    state = places.on_server(root.state)
    assert state.stat().st_mode & 0o7777 == 0o711
    assert "user ntp 101" in (state / "accounts").read_text().splitlines()
    assert {path.name for path in (state / "nodes").iterdir()} == {node.name for node in record.settings.nodes}
    stranger = Made(changed, "1.1", tree=[("etc/passwd", 0o644, other, "")]).write(tmp_path)
    with pytest.raises(RefusedError, match="stranger") as refused:
        unpack(places, open_directory(stranger), ("unpack",), lambda _event: None, lambda _state: None)
    assert "user ntp had the number 101, and has 102 in this release" in refused.value.details
    assert [each.version for each in find_records(places, None, None)] == ["1.0"]
    assert not places.on_server(root.directory).with_name("1.1").exists()
