"""Projects of persons that build, caches that hold what they need, and an eye on what builds leave behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from command import Project
from traces import Traces, adopt_orphans
from unpack import unpack

from builder.cache import Cache
from builder.container import image as builder_image
from builder.release.manifest import Manifest

PODMAN_LIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
"""Podman's defaults are above what a confined machine lets it give."""


@pytest.fixture(scope="session")
def tiny(cache: Cache, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose release `tiny` is built, with the cache that all tests share."""
    if os.geteuid() != 0:
        pytest.fail("tests that build need root: run `make test`, or `make test-quick` for those that do not")
    project = Project(tmp_path_factory.mktemp("tiny"), cache.root)
    project.tiny()
    done = project.build()
    assert done.status == 0, done.errors
    return project


@pytest.fixture(scope="session")
def stock(tiny: Project, cache: Cache) -> Callable[..., Path]:
    """Makes caches that hold of the shared one what they are told to, besides builder image and archive state.

    With `packages` they hold the Debian packages too; of `steps` they hold the objects in the release `tiny`.
    """
    keys = Manifest.read(tiny.release).steps

    def stocked(root: Path, *steps: str, packages: bool = True) -> Path:
        (root / "objects").mkdir(parents=True)
        shutil.copytree(cache.root / "pointers", root / "pointers")
        image = builder_image.find(cache)
        assert image, "the release `tiny` was made in it"
        objects = [image.rootfs.parent, *cache.root.glob("objects/archive-*")]
        for source in [*objects, *(cache.object(step, keys[step]) for step in steps)]:
            (root / "objects" / source.name).symlink_to(source)
        if packages:
            shutil.copytree(cache.root / "packages", root / "packages", copy_function=_link)
        return root

    return stocked


@pytest.fixture
def project(tmp_path: Path, stock: Callable[..., Path]) -> Iterator[Callable[..., Project]]:
    """Makes a project with the recipe `tiny` and a cache of its own; at the end no process or mount is left."""
    adopt_orphans()
    before = Traces.now(tmp_path)

    def make(*steps: str, packages: bool = True) -> Project:
        made = Project(tmp_path / "project", stock(tmp_path / "cache", *steps, packages=packages))
        made.tiny()
        return made

    yield make
    before.assert_unchanged(tmp_path)
    for made in ("cache", "project"):  # a tree takes some hundred MB
        shutil.rmtree(tmp_path / made, ignore_errors=True)


@pytest.fixture(scope="session")
def kerrighed(build_release: Callable[[str], Path]) -> Path:
    """The release of the shipped recipe `kerrighed`."""
    return build_release("kerrighed")


@pytest.fixture(scope="session")
def root(kerrighed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root tarball of `kerrighed`, unpacked."""
    directory = tmp_path_factory.mktemp("root")
    unpack(kerrighed, directory)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def cache_directory(cache: Cache) -> Path:
    """Where the cache that all tests share is."""
    return cache.root


@pytest.fixture(scope="session")
def docker_client() -> str:
    """The docker command; whether an engine answers is another matter."""
    if shutil.which("docker") is None:
        _not_here("docker is not installed")
    return "docker"


@pytest.fixture(scope="session")
def docker_engine(docker_client: str) -> str:
    """The docker command of an engine that answers."""
    if subprocess.run([docker_client, "info"], capture_output=True).returncode != 0:
        _not_here("no Docker engine answers")
    return docker_client


@pytest.fixture(scope="session")
def podman_engine(tiny: Project, cache: Cache) -> str:
    """The podman command, where it can start a container at all: some machines confine it too much."""
    if shutil.which("podman") is None:
        _not_here("podman is not installed")
    image = builder_image.find(cache)
    assert image, "the release `tiny` was made in it"
    trial = ["podman", "run", "--rm", "--network=none", *PODMAN_LIMITS, "--rootfs", f"{image.rootfs}:O", "/bin/true"]
    tried = subprocess.run(trial, capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"podman cannot start a container on this machine: {tried.stderr.strip()}")
    return "podman"


def _not_here(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; in CI these tests must run")
    pytest.skip(reason)


def _link(source: str, target: str) -> None:
    """Link a file, or copy it where it stands on another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
