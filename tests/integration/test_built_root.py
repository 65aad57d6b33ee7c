"""The root tarball of a release, unpacked as its server does it."""

from __future__ import annotations

import collections
import os
import platform
import re
import stat
import subprocess
from pathlib import Path

import pytest
from tarball import Member, members, root_tarball

from builder.release.manifest import Manifest

pytestmark = pytest.mark.container


@pytest.fixture(scope="module")
def entries(kerrighed: Path) -> list[tuple[str, Member]]:
    """Every entry of the root tarball."""
    return members(root_tarball(kerrighed))


def lines(text: str) -> list[str]:
    """The lines of a file of the tree that say something."""
    return [line for line in text.splitlines() if line.strip()]


def test_every_package_is_as_dpkg_installed_it(root: Path) -> None:
    """dpkg's own check of every file against its package's digest finds only configuration that we wrote."""
    argv = ["dpkg", f"--root={root}", "--verify"]
    differing = subprocess.run(argv, capture_output=True, text=True).stdout.splitlines()
    assert [line for line in differing if not line.split(maxsplit=1)[1].startswith("c /etc/")] == []
    assert [line for line in differing if line.split()[0] == "missing"] == []


def test_no_package_is_half_installed(root: Path) -> None:
    """Every package in the tree is installed and configured."""
    argv = ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", "--showformat=${db:Status-Status}\n"]
    states = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
    assert set(states) == {"installed"}


def test_owners_are_the_trees_own_numbers(root: Path, entries: list[tuple[str, Member]]) -> None:
    """Owners are numbers that the tree's own passwd and group know, whatever names this machine gives them."""
    users = {int(line.split(":")[2]) for line in lines((root / "etc/passwd").read_text())}
    groups = {line.split(":")[0]: int(line.split(":")[2]) for line in lines((root / "etc/group").read_text())}
    assert {member.uid for _, member in entries} <= users
    assert {member.gid for _, member in entries} <= set(groups.values())
    unpacked = {path: (root / path).lstat() for path, _ in entries}
    wrong = [
        path for path, member in entries if (unpacked[path].st_uid, unpacked[path].st_gid) != (member.uid, member.gid)
    ]
    assert wrong == []
    assert unpacked["etc/shadow"].st_gid == groups["shadow"]


def test_modes_are_right(root: Path) -> None:
    """Set-user-id programs, sticky directories and closed directories keep their modes."""
    modes = {"tmp": 0o1777, "var/tmp": 0o1777, "usr/bin/su": 0o4755, "usr/bin/passwd": 0o4755, "root": 0o700}
    modes["etc/shadow"] = 0o640
    assert {path: stat.S_IMODE((root / path).stat().st_mode) for path in modes} == modes


def test_hard_links_are_links(root: Path) -> None:
    """Perl's two names are one file, as in its package."""
    perl = (root / "usr/bin/perl").stat()
    assert perl.st_nlink == 2
    names = [path for path in (root / "usr/bin").glob("perl5*") if path.stat().st_ino == perl.st_ino]
    assert len(names) == 1


def test_device_nodes(root: Path) -> None:
    """The device nodes that a node needs before udev runs are there with their numbers and modes."""
    nodes = {"null": (1, 3, 0o666), "zero": (1, 5, 0o666), "console": (5, 1, 0o600), "tty": (5, 0, 0o666)}
    for name, (major, minor, mode) in nodes.items():
        status = (root / "dev" / name).stat()
        assert stat.S_ISCHR(status.st_mode)
        assert (os.major(status.st_rdev), os.minor(status.st_rdev)) == (major, minor)
        assert stat.S_IMODE(status.st_mode) == mode


def test_no_path_twice(entries: list[tuple[str, Member]]) -> None:
    """No path stands twice in the tarball, though it is made of two parts."""
    count = collections.Counter(path for path, _ in entries)
    assert [path for path in count if count[path] > 1] == []


def test_no_time_after_the_source_date(kerrighed: Path, entries: list[tuple[str, Member]]) -> None:
    """Nothing in the tarball is younger than the source date, so that a later build gives the same bytes."""
    source_date = Manifest.read(kerrighed).source_date
    assert [path for path, member in entries if member.mtime > source_date] == []


def test_identity_is_left_to_the_node(root: Path) -> None:
    """The machine-id is empty; there are no host name and no ssh host keys."""
    assert (root / "etc/machine-id").read_bytes() == b""
    assert not (root / "etc/hostname").exists()
    assert list((root / "etc/ssh").glob("ssh_host_*")) == []


def test_nothing_of_the_machine_that_built_it(root: Path) -> None:
    """Resolver, apt settings and host name of the build's machine and container are not in the tree."""
    resolver = lines((root / "etc/resolv.conf").read_text())
    assert resolver and all("192.168.0." in line or "mycluster.home" in line for line in resolver if line[0] != "#")
    settings = "".join(
        path.read_text() for path in root.glob("etc/apt/**/*") if path.is_file() and path.suffix != ".gpg"
    )
    assert "roxy" not in settings
    name = re.compile(rf"\b(builder|{re.escape(platform.node())})\b")
    files = [root / "etc/hosts", root / "etc/fstab", root / "etc/network/interfaces", *root.glob("etc/mailname")]
    assert [path.name for path in files if path.exists() and name.search(path.read_text())] == []
    for directory in ("var/lib/apt/lists", "var/cache/apt"):
        assert [path for path in (root / directory).rglob("*") if not path.is_dir()] == []
    for directory in ("tmp", "var/tmp", "run"):
        assert list((root / directory).iterdir()) == []
    assert [path for path in (root / "var/log").rglob("*") if path.is_file() and not path.is_symlink()] == []


def test_no_link_leads_to_an_initramfs(root: Path) -> None:
    """The kernel package's links to an initramfs that the tree does not have are gone."""
    assert not os.path.lexists(root / "initrd.img")
    assert not os.path.lexists(root / "initrd.img.old")
    assert list((root / "boot").glob("initrd*")) == []
    dangling = [path for path in root.iterdir() if path.is_symlink() and not (root / path.readlink()).exists()]
    assert dangling == []
