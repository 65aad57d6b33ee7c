"""The same inputs give the same bytes, whenever, wherever and with whatever engine."""

from __future__ import annotations

import shutil
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command import IN_FOREGROUND, Project

from builder.release.manifest import Manifest

pytestmark = pytest.mark.container

PROJECT = Path(__file__).parents[2]


def assert_same(project: Project, other: Project) -> None:
    """Every file of two releases is the same, byte for byte, but for the log of their builds."""
    assert project.release.name == other.release.name
    names = [file.path for file in Manifest.read(project.release).files] + ["manifest.json", "SHA256SUMS"]
    assert {file.path for file in Manifest.read(other.release).files} <= set(names)
    differing = [name for name in names if (project.release / name).read_bytes() != (other.release / name).read_bytes()]
    assert differing == []


def test_two_empty_caches(project: Callable[..., Project], tiny: Project) -> None:
    """Root tarball, initramfs, loaders, bundle and manifest are the same from two caches that held no tree.

    Neither the umask of who builds, nor modes and times of who cloned the elements, nor what somebody makes of these
    while a build runs, is in any of them, nor in the modes of the release's files.
    """
    made = project()
    elements = made.directory / "elements"
    shutil.copytree(PROJECT / "elements", elements, copy_function=shutil.copyfile)
    for path in elements.rglob("*"):
        as_cloned = (PROJECT / path.relative_to(made.directory)).stat()
        path.chmod(0o700 if as_cloned.st_mode & 0o100 else 0o600)
    build = made.building(around=("sh", "-c", 'umask 077; exec "$@"', "sh"))
    build.until("StepStarted", "base")
    for edited in ("nfsroot/cleanup.d/90-hygiene", "initramfs-nfs/make-initramfs", "debian-root/pack-tree"):
        with (elements / edited).open("a") as file:
            file.write("exit 1\n")
    done = build.end()
    assert done.status == 0, done.errors
    assert done.started == ["tree", "pxegrub", "overlay", "server-bundle", "release"]
    assert_same(made, tiny)
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in (made.output, *made.output.rglob("*"))}
    assert modes == {(True, 0o755), (False, 0o644)}
    again = made.run("plan", "tiny", f"--cache-dir={made.cache}")
    assert "runs: element changed" in again.out


def test_initramfs_of_the_packed_tree(project: Callable[..., Project], tiny: Project) -> None:
    """An initramfs that is made later, of the tree's archive, is the one that was made with the tree."""
    made = project("base", "tree")
    done = made.build()
    assert done.status == 0, done.errors
    assert done.started == ["initramfs", "nic-drivers", "pxegrub", "overlay", "server-bundle", "release"]
    assert_same(made, tiny)


def test_on_top_of_a_base(project: Callable[..., Project], tmp_path: Path, stock: Callable[..., Path]) -> None:
    """A package added to a recipe is installed on the base that is there, and the release is that of an empty cache."""
    made = project("base")
    made.tiny(packages=["bc"])
    other = Project(tmp_path / "other", stock(tmp_path / "empty"))
    other.tiny(packages=["bc"])
    on_top, from_nothing = made.build(), other.build()
    assert (on_top.status, from_nothing.status) == (0, 0), on_top.errors + from_nothing.errors
    assert "base" not in on_top.started and "base" in from_nothing.started
    assert_same(made, other)


@pytest.mark.full
def test_in_place_of_the_base(project: Callable[..., Project]) -> None:
    """A recipe's package that cannot stand beside one of the base gets a tree that is made in one go."""
    made = project()
    element = made.directory / "elements" / "mail"
    element.mkdir(parents=True)
    (element / "element.toml").write_text('description = "Needs a mail server, whichever"\npackages = ["bsd-mailx"]\n')
    made.tiny(elements=["debian-root", "nfsroot", "initramfs-nfs", "mail"], packages=["nullmailer"])
    done = made.build()
    assert done.status == 0, done.errors
    installed = {package.name for package in Manifest.read(made.release).packages}
    assert "nullmailer" in installed and not any(name.startswith("exim4") for name in installed)
    assert any("installed at once" in event.get("line", "") for event in done.events)


@pytest.mark.docker
def test_docker(project: Callable[..., Project], tiny: Project, docker_engine: str) -> None:
    """Docker gives the sandbox's bytes, after a build that was killed too, whose container goes."""
    made = project()
    build = made.building("--engine=docker")
    build.until("StepOutput", "base", "Unpacking libc6")
    build.send(signal.SIGKILL)
    assert len(containers(docker_engine)) == 1, "a daemon's container outlives who asked for it"
    assert made.left() == []

    done = made.build("--engine=docker")
    assert done.status == 0, done.errors
    assert containers(docker_engine) == []
    assert made.working() == []
    assert_same(made, tiny)


@pytest.mark.docker
def test_interrupted_docker(project: Callable[..., Project], docker_engine: str) -> None:
    """Ctrl-C while a container runs removes the container."""
    made = project()
    build = made.building("--engine=docker", around=IN_FOREGROUND)
    build.until("StepOutput", "base", "Unpacking libc6")
    done = build.send(signal.SIGINT)
    assert done.status == 130
    assert containers(docker_engine) == []
    assert made.left() == []


@pytest.mark.full  # a whole build from an empty cache; Docker has the same code, and another command
def test_podman(project: Callable[..., Project], tiny: Project, podman_engine: str) -> None:
    """Podman gives the sandbox's bytes."""
    made = project()
    done = made.build("--engine=podman")
    assert done.status == 0, done.errors
    assert containers(podman_engine) == []
    assert_same(made, tiny)


def containers(engine: str) -> list[str]:
    """Names of our containers, running or not."""
    argv = [engine, "ps", "--all", "--filter=name=nfsroot-", "--format={{.Names}}"]
    names = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
    return [name for name in names if name.startswith("nfsroot-")]
