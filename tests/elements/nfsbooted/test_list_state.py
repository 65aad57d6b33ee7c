"""What of a tree belongs to its release, and what nodes begin with."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from node import PACKAGE

pytestmark = pytest.mark.container
PROGRAM = Path(__file__).parents[3] / "elements/nfsbooted/list-state"
DIGEST = hashlib.sha256(b"x").hexdigest()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with a directory of dpkg's, in which package `games` ships one file of root's and one of its players'."""
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    for directory in ("usr/lib/nfsbooted", "var/lib/dpkg/info", "var/games", "var/lib/chrony", "etc", "tmp", "srv"):
        (tmp_path / directory).mkdir(parents=True)
    shutil.copytree(PACKAGE / "usr/share/nfsbooted", tmp_path / "usr/share/nfsbooted")
    for path in ("var/games/levels", "var/games/scores", "var/lib/made", "var/lib/chrony/drift", "etc/passwd"):
        (tmp_path / path).write_text("x")
    (tmp_path / "var/games/scores").chmod(0o664)
    os.chown(tmp_path / "var/lib/chrony/drift", 121, 121)
    (tmp_path / "var/run").symlink_to("/run")
    (tmp_path / "var/lib/dpkg/info/games.list").write_text("/.\n/var/games\n/var/games/levels\n/var/games/scores\n")
    return tmp_path


def lists(tree: Path) -> tuple[list[str], list[str]]:
    """release.list and seeds.list of a tree."""
    subprocess.run([PROGRAM, tree], check=True)
    release, seeds = ((tree / f"usr/lib/nfsbooted/{name}.list").read_text() for name in ("release", "seeds"))
    return release.splitlines(), seeds.splitlines()


def test_what_is_whose(tree: Path) -> None:
    """Records and root's shipped files are the release's; what others may write to or scripts made begins state."""
    release, seeds = lists(tree)
    assert release == ["var/games/levels", "var/lib/dpkg"]
    assert seeds == [
        "d - srv",
        "d - var",
        "d - var/games",
        "p - var/games/levels",
        f"s {DIGEST} var/games/scores",
        "d - var/lib",
        "d - var/lib/chrony",
        f"s {DIGEST} var/lib/chrony/drift",
        "m - var/lib/dpkg",
        f"f {DIGEST} var/lib/made",
        "l - var/run",
    ]


def test_many_files_of_a_package(tree: Path) -> None:
    """A directory with many files of packages alone is mounted as a whole, with anything else file by file."""
    names = [f"var/lib/many/{number}" for number in range(20)]
    (tree / "var/lib/many").mkdir()
    for name in names:
        (tree / name).write_text("x")
    (tree / "var/lib/dpkg/info/many.list").write_text("".join(f"/{name}\n" for name in ("var/lib/many", *names)))
    assert "var/lib/many" in lists(tree)[0]
    (tree / "var/lib/many/made").write_text("x")
    assert set(names) <= set(lists(tree)[0])


def test_names_with_blanks_and_other_bytes(tree: Path) -> None:
    """A name is taken as it is, but for one with the end of a line in it, which no list can hold."""
    for name in (b"a b", b"\xff", b"a\nb"):
        Path(os.fsdecode(bytes(tree / "var/lib") + b"/" + name)).write_text("x")
    subprocess.run([PROGRAM, tree], check=True)
    lines = (tree / "usr/lib/nfsbooted/seeds.list").read_bytes().split(b"\n")
    assert {f"f {DIGEST} var/lib/".encode() + name for name in (b"a b", b"\xff")} <= set(lines)
    assert not [line for line in lines if line.endswith(b"a")]
