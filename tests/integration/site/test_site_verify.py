"""`nfsroot-site verify`: what was changed since a release was unpacked is named."""

from __future__ import annotations

import os
from pathlib import Path

from made_releases import Made
from unpack_case import TREE, recipe, release, site, with_shared

from builder.site.places import Places


def test_a_release_that_nobody_touched(places: Places, tmp_path: Path) -> None:
    """Everything is as it was unpacked, of all releases or of one; a release that is not here is an error."""
    for name in ("kerrighed", "debian-nfsroot"):
        assert site(places, "unpack", release(tmp_path, name=name)).returncode == 0
    done = site(places, "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert "kerrighed 1.0: " in done.stdout
    assert "debian-nfsroot 1.0: " in done.stdout
    assert site(places, "verify", "kerrighed", "1.0").returncode == 0
    assert site(places, "verify", "kerrighed", "2.0").returncode == 2


def test_each_change_is_named(places: Places, tmp_path: Path) -> None:
    """Content, mode, owner, attributes, what was added or is missing, and served files."""
    assert site(places, "unpack", release(tmp_path)).returncode == 0
    tree = places.on_server("/NFSROOT/kerrighed/1.0")
    (tree / "usr/bin/tool").write_bytes(b"#!/bin/SH\n")
    os.setxattr(tree / "usr/share/empty", "user.note", b"x")
    (tree / "etc/hosts").chmod(0o600)
    (tree / "etc/fstab").unlink()
    (tree / "usr/evil").mkdir()
    (places.served / "kerrighed/1.0/vmlinuz-6.12.1-amd64").write_bytes(b"evil")
    done = site(places, "verify", "kerrighed")
    assert done.returncode == 1
    for line in (
        "  usr/bin/tool: other content",
        "  usr/share/empty: other extended attributes",
        "  etc/hosts: mode 0600, and not 0644",
        "  etc/fstab: is missing",
        "  usr/evil: was added",
        "  /srv/tftp/kerrighed/1.0/vmlinuz-6.12.1-amd64: other content",
    ):
        assert line in done.stdout.splitlines(), done.stdout
    assert "Nodes write to this tree" in done.stdout


def test_what_nodes_write_is_not_compared(places: Places, tmp_path: Path) -> None:
    """In the shared directories of a read-only root, nodes write as they like."""
    changed = with_shared(recipe("debian-nfsroot"), "/opt")
    made = Made(changed, "1.0", tree=[*TREE, ("opt/x", 0o644, b"", "p")]).write(tmp_path)
    assert site(places, "unpack", made).returncode == 0
    places.on_server("/NFSROOT/debian-nfsroot/1.0/opt/written").write_text("by a node")
    done = site(places, "verify")
    assert done.returncode == 0, done.stdout
    assert "What nodes write is not compared: /opt." in done.stdout
