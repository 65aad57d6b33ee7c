"""What install.sh does about state that outlives releases."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from layouts import layout_of
from server_recipes import with_cluster
from test_install import contents, install, unpack

from builder.recipe.models import Recipe
from builder.server.bundle import render

RELEASES = "NFSROOT/debian-nfsroot"
PASSWD = "root:x:0:0:root:/root:/bin/bash\n_chrony:x:{}:121::/var/lib/chrony:/usr/sbin/nologin\n"


def server(directory: Path, *numbers: tuple[str, int]) -> Path:
    """A server's file system with releases, each with its number of _chrony."""
    for version, number in numbers:
        etc = directory / RELEASES / version / "etc"
        etc.mkdir(parents=True)
        (etc / "passwd").write_text(PASSWD.format(number))
        (etc / "group").write_text("root:x:0:\n_chrony:x:121:\n")
    return directory


@pytest.fixture
def bundles(debian: Recipe, tmp_path: Path) -> list[Path]:
    """The bundles of releases 1.0 and 2.0, of which the second has another node."""
    (first, *_) = debian.cluster.nodes
    added = first.model_copy(update={"name": "added", "ordinal": 99})
    second = with_cluster(debian, nodes=(*debian.cluster.nodes, added))
    return [
        unpack(render(layout_of(debian)), tmp_path / "first/bundle"),
        unpack(render(layout_of(second, "2.0")), tmp_path / "second/bundle"),
    ]


def test_directories_of_nodes_are_made(bundles: list[Path], tmp_path: Path) -> None:
    """Each node has a directory, whatever the umask, and a node added has one too; what is in the others stays."""
    root = server(tmp_path / "root", ("1.0", 121), ("2.0", 121))
    old = os.umask(0o077)
    try:
        assert install(bundles[0], "--root", root).returncode == 0
    finally:
        os.umask(old)
    nodes = root / RELEASES / "state/nodes"
    assert {path.name for path in nodes.iterdir()} == {"ssi1", "ssi2", "ssi3", "ssi4"}
    assert nodes.stat().st_mode & 0o777 == 0o755
    (nodes / "ssi1/kept").write_text("kept")
    assert install(bundles[1], "--root", root).returncode == 0
    assert (nodes / "added").is_dir() and (nodes / "ssi1/kept").read_text() == "kept"


def test_dry_run_makes_no_state(bundles: list[Path], tmp_path: Path) -> None:
    """--dry-run leaves the server as it is."""
    root = server(tmp_path / "root", ("1.0", 121))
    before = contents(root)
    assert install(bundles[0], "--root", root, "--dry-run").returncode == 0
    assert contents(root) == before
    assert not (root / RELEASES / "state").exists()


def test_account_with_another_number_is_refused(bundles: list[Path], tmp_path: Path) -> None:
    """A release in which an account has another number than its state is not installed; both numbers are named."""
    root = server(tmp_path / "root", ("1.0", 121), ("2.0", 998))
    assert install(bundles[0], "--root", root).returncode == 0
    assert "user _chrony 121\n" in (root / RELEASES / "state/accounts").read_text()
    before = contents(root)
    done = install(bundles[1], "--root", root)
    assert done.returncode == 1
    assert "user _chrony had the number 121, and has 998 in this release\n" in done.stderr
    assert "accounts of [debian] in the recipe" in done.stderr
    assert contents(root) == before


def test_shared_file_system_is_named(bundles: list[Path], tmp_path: Path) -> None:
    """State on the file system of read-only releases is said to be within reach of every node's root."""
    root = server(tmp_path / "root", ("1.0", 121))
    said = install(bundles[0], "--root", root).stdout
    assert f"Caution: {root}/{RELEASES}/state is on the file system of {root}/{RELEASES}/1.0" in said


def install_with_state_on_a_mount(bundle: Path, root: Path, options: str = "rw") -> subprocess.CompletedProcess[str]:
    """What came of install.sh where state has a file system of its own, mounted with these options."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    state = root / RELEASES / "state"
    state.mkdir()
    script = f'mount -t tmpfs -o {options} tmpfs "{state}" && "{bundle}/install.sh" --root "{root}"'
    command = ["unshare", "--mount", "sh", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_state_on_a_file_system_of_its_own(bundles: list[Path], tmp_path: Path) -> None:
    """Nothing is said of state that has a file system to itself."""
    done = install_with_state_on_a_mount(bundles[0], server(tmp_path / "root", ("1.0", 121)))
    assert done.returncode == 0, done.stderr
    assert "Caution: " not in done.stdout


def test_state_that_cannot_be_written(bundles: list[Path], tmp_path: Path) -> None:
    """A state directory on a read-only file system stops install.sh before any setting is installed."""
    root = server(tmp_path / "root", ("1.0", 121))
    done = install_with_state_on_a_mount(bundles[0], root, "ro")
    assert done.returncode != 0
    assert "Read-only file system" in done.stderr
    assert not (root / "etc").exists()
