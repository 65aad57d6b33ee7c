"""What becomes of a tree whose system accounts get their numbers."""

from __future__ import annotations

import os
from pathlib import Path

import accounts
import pytest

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
_chrony:x:135:121:Chrony daemon:/var/lib/chrony:/usr/sbin/nologin
munge:x:998:998::/nonexistent:/usr/sbin/nologin
ann:x:1000:1000::/home/ann:/bin/bash
"""
GROUP = "root:x:0:\nusers:x:100:ann\n_chrony:x:121:\nmunge:x:998:_chrony\n_ssh:x:101:\nann:x:1000:\n"
CAP_NET_RAW = bytes.fromhex("0100000200200000000000000000000000000000")
"""vfs_cap_data of revision 2 with cap_net_raw, permitted and effective (include/uapi/linux/capability.h in Linux)."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree in which _chrony has the number that is to be munge's."""
    if os.geteuid() != 0:
        pytest.fail("files of others need root: run `make test`")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(PASSWD)
    (tmp_path / "etc/group").write_text(GROUP)
    return tmp_path


def make(path: Path, uid: int, gid: int, mode: int = 0o644) -> Path:
    """Make a file that belongs to somebody."""
    path.write_text("")
    os.chown(path, uid, gid)
    path.chmod(mode)
    return path


def owner(path: Path) -> tuple[int, int]:
    """A path's user and group."""
    status = path.lstat()
    return status.st_uid, status.st_gid


def test_accounts_and_what_they_own(tree: Path) -> None:
    """Names, members and persons stay; numbers that are another account's on the way are taken for nobody else's."""
    drift, key, mine = make(tree / "drift", 135, 121), make(tree / "key", 998, 998), make(tree / "mine", 1000, 1000)
    (tree / "again").hardlink_to(drift)
    (tree / "link").symlink_to("nowhere")
    os.chown(tree / "link", 135, 0, follow_symlinks=False)
    accounts.settle(tree)
    assert (tree / "etc/passwd").read_text() == PASSWD.replace("135:121", "121:121").replace("998:998", "135:135")
    assert (tree / "etc/group").read_text() == GROUP.replace("998", "135").replace("_ssh:x:101", "_ssh:x:118")
    assert [owner(path) for path in (drift, key, mine)] == [(121, 121), (135, 135), (1000, 1000)]
    assert owner(tree / "link") == (121, 0)


def test_second_time_changes_nothing(tree: Path) -> None:
    """What has its number is not touched: parts of a base are known by that."""
    drift = make(tree / "drift", 135, 121)
    accounts.settle(tree)
    before = [path.stat().st_ctime_ns for path in (drift, tree / "etc/passwd")]
    accounts.settle(tree)
    assert [path.stat().st_ctime_ns for path in (drift, tree / "etc/passwd")] == before


def test_modes_and_capabilities_stay(tree: Path) -> None:
    """Linux takes setuid, setgid and capabilities from a file with a new owner (chown(2)): they are there again."""
    agent, ping = make(tree / "ssh-agent", 0, 101, 0o2755), make(tree / "ping", 0, 101, 0o755)
    os.setxattr(ping, "security.capability", CAP_NET_RAW)
    accounts.settle(tree)
    assert (agent.stat().st_mode & 0o7777, owner(agent)) == (0o2755, (0, 118))
    assert (os.getxattr(ping, "security.capability"), owner(ping)) == (CAP_NET_RAW, (0, 118))


def test_recipes_numbers(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe's number is user's and group's; of an account that is not in the tree nothing is left."""
    monkeypatch.setenv("NFSROOT_ACCOUNTS", "munge=900 slurm=901")
    accounts.settle(tree)
    assert "munge:x:900:900:" in (tree / "etc/passwd").read_text()
    assert "munge:x:900:_chrony" in (tree / "etc/group").read_text()
    assert "slurm" not in (tree / "etc/passwd").read_text() + (tree / "etc/group").read_text()
