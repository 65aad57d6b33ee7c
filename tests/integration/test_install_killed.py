"""install.sh is killed between any two of its changes: nodes find whole menus, and the kernels that these name."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from layouts import layout_of

from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.server.bundle import render

PROJECT = Path(__file__).parents[2]
SEED = 20261128
CHANGING = ("cp", "ln", "mkdir", "mktemp", "mv", "perl", "rm")
"""Commands by which install.sh changes a file system."""

TOOL = """\
#!/bin/sh
number=$(($(cat "$COUNT") + 1))
echo $number > "$COUNT"
[ "$KILL" != "before $number" ] || kill -KILL "-$(ps -o pgid= -p $$ | tr -d ' ')"
{path} "$@"
status=$?
[ "$KILL" != "after $number" ] || kill -KILL "-$(ps -o pgid= -p $$ | tr -d ' ')"
exit $status
"""
"""Stands in for a command: counts it, and kills install.sh and all that it started before or after that."""


@dataclass(frozen=True)
class Story:
    """A server as it was, the bundle of the next release, and the menus that nodes may find."""

    server: Path
    bundle: Path
    before: dict[str, str]
    after: dict[str, str]


def menus(root: Path) -> dict[str, str]:
    """The menus as nodes find them; each kernel that they name is there and whole."""
    grub = root / "srv/tftp/grub"
    found = {path.name: path.read_text() for path in grub.iterdir() if path.is_file()}
    for text in found.values():
        for line in text.splitlines():
            if line.lstrip().startswith(("kernel /", "linux /")):
                kernel = root / "srv/tftp" / line.split()[1].lstrip("/")
                assert kernel.read_text() == whole_kernel(kernel.parent.name)
    return found


def bundle(version: str, nodes: int, directory: Path) -> Path:
    """The unpacked bundle of a release for so many of the cluster's nodes, with a stand-in for its kernel."""
    recipe = load("debian-nfsroot", SearchPath.default(PROJECT))
    cluster = recipe.cluster.model_copy(update={"nodes": recipe.cluster.nodes[:nodes]})
    layout = layout_of(recipe.model_copy(update={"cluster": cluster}), version)
    for file in render(layout):
        target = directory / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)
    kernel = directory / f"srv/tftp/debian-nfsroot/{version}/{layout.kernel_file}"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(whole_kernel(version))
    return directory


def whole_kernel(version: str) -> str:
    """What stands in for the kernel of a release."""
    return f"kernel of {version}\n" * 100


def install(bundle: Path, root: Path, **environment: str) -> int:
    """The exit status of install.sh, which fails only when it is killed."""
    done = subprocess.run(
        [bundle / "install.sh", "--root", root],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(root.parent), **environment},
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def kill(story: Story, root: Path, tools: Path, moment: str) -> tuple[int, int]:
    """The exit status of install.sh when it is killed at that moment, and the number of its changes until then."""
    count = tools.parent / "count"
    count.write_text("0\n")
    status = install(story.bundle, root, PATH=f"{tools}:{os.environ['PATH']}", COUNT=str(count), KILL=moment)
    return status, int(count.read_text())


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A directory with a stand-in for each command that changes files."""
    directory = tmp_path / "tools"
    directory.mkdir()
    for name in CHANGING:
        (directory / name).write_text(TOOL.format(path=shutil.which(name)))
        (directory / name).chmod(0o755)
    return directory


@pytest.fixture
def stories(tmp_path: Path) -> list[Story]:
    """A node leaves the cluster: from menus in a plain directory, and from a generation."""
    first, second = bundle("1.0", 4, tmp_path / "1.0"), bundle("2.0", 3, tmp_path / "2.0")
    told = []
    for name in ("directory", "generation"):
        server, after = tmp_path / name, tmp_path / f"{name}-after"
        server.mkdir()
        assert install(first, server) == 0
        if name == "directory":
            grub = server / "srv/tftp/grub"
            target = grub.resolve()
            grub.unlink()
            target.rename(grub)
            (server / "srv/tftp/.grub").rmdir()
        shutil.copytree(server, after, symlinks=True)
        assert install(second, after) == 0
        told.append(Story(server, second, menus(server), menus(after)))
    return told


@pytest.mark.parametrize("number", [20, pytest.param(100, marks=pytest.mark.full)])
def test_menus_are_whole_at_every_moment(stories: list[Story], tools: Path, tmp_path: Path, number: int) -> None:
    """Killed at any moment, install.sh leaves the menus of before or those of after, and the next run completes.

    Nothing of the killed run is left then.
    """
    root = tmp_path / "root"
    moments = []
    for story in stories:
        shutil.copytree(story.server, root, symlinks=True)
        status, changes = kill(story, root, tools, "never")
        assert status == 0
        shutil.rmtree(root)
        moments += [(story, f"{when} {change}") for change in range(1, changes + 1) for when in ("before", "after")]
    assert len(moments) > 100
    seen = set()
    for story, moment in random.Random(SEED).sample(moments, number):
        shutil.copytree(story.server, root, symlinks=True)
        status, _ = kill(story, root, tools, moment)
        assert status == -signal.SIGKILL, moment
        found = menus(root)
        assert found in (story.before, story.after), moment
        seen.add(found == story.after)
        assert install(story.bundle, root) == 0, moment
        assert menus(root) == story.after, moment
        left = [
            path for path in root.rglob("*") if ".nfsroot." in path.name or (path.is_symlink() and not path.exists())
        ]
        assert left == [], moment
        shutil.rmtree(root)
    assert seen == {True, False}
