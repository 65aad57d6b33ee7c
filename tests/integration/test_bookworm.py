"""Debian 12 beside Debian 13."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Done, Project
from tarball import read, root_tarball
from unpack import unpack

from builder.release.manifest import Manifest

pytestmark = pytest.mark.container

ELEMENTS = ("debian-root", "nfsroot", "initramfs-nfs", "nfsbooted")


@pytest.fixture(scope="module")
def bookworm(stock: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Done]:
    """A project with a release of Debian 12, in which a program has a file capability; and how that was built."""
    directory = tmp_path_factory.mktemp("bookworm")
    project = Project(directory / "project", stock(directory / "cache", "pxegrub"))
    project.tiny(suite="bookworm", elements=ELEMENTS, packages=["chrony", "iputils-ping", "libcap2-bin"])
    done = project.build()
    assert done.status == 0, done.errors
    return project, done


def test_release_is_of_the_suite(bookworm: tuple[Project, Done]) -> None:
    """A recipe with `suite = "bookworm"` gives a release with Debian 12's kernel and packages."""
    project, done = bookworm
    assert "pxegrub" not in done.started, "boot loaders do not depend on the suite"
    manifest = Manifest.read(project.release)
    versions = {package.name: package.version for package in manifest.packages}
    assert versions["base-files"].startswith("12.")
    assert manifest.kernel_version.startswith("6.1.")
    assert "nfsbooted" in versions


def test_default_package_gives_way(bookworm: tuple[Project, Done]) -> None:
    """Chrony, which the recipe names, is there without systemd-timesyncd, which the element nfsbooted proposes."""
    project, done = bookworm
    names = {package.name for package in Manifest.read(project.release).packages}
    assert {"chrony", "systemd-timesyncd"} & names == {"chrony"}
    told = [event["text"] for event in done.events if event["event"] == "Notice"]
    assert any(text.startswith("systemd-timesyncd, a default package of element nfsbooted,") for text in told)


def test_accounts_have_the_numbers_of_other_suites(bookworm: tuple[Project, Done]) -> None:
    """Accounts of Debian 12's packages have the numbers that they have in Debian 13's trees."""
    project, _ = bookworm
    lines = read(root_tarball(project.release), "etc/passwd").decode().splitlines()
    numbers = {name: number for name, _, number, *_ in (line.split(":") for line in lines)}
    assert (numbers["_chrony"], numbers["sshd"], numbers["systemd-network"]) == ("121", "119", "102")


def test_file_capabilities_survive(bookworm: tuple[Project, Done], tmp_path: Path) -> None:
    """Unpacked as the README says, ping has the capability that Debian 12's package gives it (capabilities(7))."""
    project, _ = bookworm
    unpack(project.release, tmp_path)
    argv = ["getcap", tmp_path / "usr/bin/ping"]
    shown = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    assert shown.split()[1:] == ["cap_net_raw=ep"]
