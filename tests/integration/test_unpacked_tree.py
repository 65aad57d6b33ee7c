"""`nfsroot verify DIRECTORY --against RELEASE`: a tree on a server beside the list of its release."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from unpack import unpack

pytestmark = pytest.mark.container

NFSROOT = Path(sys.executable).with_name("nfsroot")


@pytest.fixture
def unpacked(kerrighed: Path, tmp_path: Path) -> Path:
    """A root tarball, unpacked as its server does it, which a test may change."""
    directory = tmp_path / "unpacked"
    directory.mkdir()
    unpack(kerrighed, directory)
    return directory


def verify(directory: Path, release: Path) -> subprocess.CompletedProcess[str]:
    """Compare a tree with a release."""
    argv = [NFSROOT, "verify", directory, "--against", release]
    return subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", check=False)


def test_tree_that_nobody_touched(kerrighed: Path, unpacked: Path) -> None:
    """Every path of a tree is as it was when it was packed: type, mode, owner, content, target, device."""
    ended = verify(unpacked, kerrighed)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "is as it was in" in ended.stdout


def test_tree_that_was_changed(kerrighed: Path, unpacked: Path) -> None:
    """Each kind of change is told with its path, and nothing else is."""
    etc = unpacked / "etc"
    (etc / "fstab").write_text("changed\n", encoding="utf-8")
    (etc / "hosts").chmod(0o600)
    os.chown(etc / "passwd", 1, 2)
    (etc / "debian_version").unlink()
    (etc / "mtab").unlink(missing_ok=True)
    (etc / "localtime").unlink()
    (etc / "localtime").symlink_to("/elsewhere")
    (etc / "new\udcff\n").mkdir()
    (etc / "new\udcff\n/file").touch()
    ended = verify(unpacked, kerrighed)
    assert ended.returncode == 1
    told = {line.strip().partition(": ")[0]: line.strip().partition(": ")[2] for line in ended.stderr.splitlines()[1:]}
    told.pop("etc/mtab", None)  # not every suite has one
    assert told == {
        "etc/fstab": "other content",
        "etc/hosts": "mode 0600, and not 0644",
        "etc/passwd": "owner 1:2, and not 0:0",
        "etc/debian_version": "is missing",
        "etc/localtime": "leads elsewhere",
        "etc/new\\xff\\x0a": "was added",
    }


def test_tree_without_its_release(unpacked: Path) -> None:
    """A tree by itself cannot be verified, and the option that names its release is told."""
    ended = subprocess.run([NFSROOT, "verify", unpacked], capture_output=True, text=True, encoding="utf-8", check=False)
    assert ended.returncode == 2
    assert "--against RELEASE" in ended.stderr
