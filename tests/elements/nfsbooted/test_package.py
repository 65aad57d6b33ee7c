"""The Debian package that the element builds."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from node import PACKAGE, masked_path

HOOK = PACKAGE.parent / "extra-data.d" / "50-nfsbooted"


def build(directory: Path, source_date: int = 1_700_000_000) -> Path:
    """Build the package from a copy of its sources, as disk-image-create makes one, in `directory`."""
    shutil.copytree(PACKAGE, directory / "nfsbooted-package")
    environment = {**os.environ, "TMP_HOOKS_PATH": str(directory), "SOURCE_DATE_EPOCH": str(source_date)}
    subprocess.run([HOOK], env=environment, check=True, capture_output=True)
    (package,) = directory.glob("nfsbooted_*_all.deb")
    return package


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built once."""
    return build(tmp_path_factory.mktemp("package"))


def dpkg_deb(option: str, package: Path) -> str:
    """What dpkg-deb says about the package."""
    return subprocess.run(["dpkg-deb", option, package], check=True, capture_output=True, text=True).stdout


def test_same_bytes(package: Path, tmp_path: Path) -> None:
    """Another build, with another umask, gives the same bytes under the same name."""
    before = os.umask(0o077)
    try:
        again = build(tmp_path)
    finally:
        os.umask(before)
    assert again.name == package.name
    assert again.read_bytes() == package.read_bytes()


def test_name_is_the_version(package: Path) -> None:
    """dpkg knows the package by the name and version of its file."""
    name, version, architecture = package.stem.split("_")
    fields = dict(line.split(": ", 1) for line in dpkg_deb("-f", package).splitlines() if line[0] != " ")
    assert (fields["Package"], fields["Version"], fields["Architecture"]) == (name, version, architecture)


def test_owner_and_modes(package: Path) -> None:
    """Everything is root's; nothing is writable for others; programs are executable and nothing else is."""
    lines = [line.split() for line in dpkg_deb("-c", package).splitlines()]
    assert {line[1] for line in lines} == {"root/root"}
    assert {line[0] for line in lines} == {"drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x", "lrwxrwxrwx"}
    assert {line[5] for line in lines if line[0] == "-rwxr-xr-x"} == {
        "./usr/lib/nfsbooted/netconsole",
        "./usr/lib/nfsbooted/prepare-node",
        "./usr/lib/nfsbooted/report",
        "./usr/lib/nfsbooted/ssh-host-keys",
        "./usr/lib/nfsbooted/trial",
        "./usr/sbin/nfsbooted",
        "./usr/share/initramfs-tools/scripts/nfs-bottom/nfsbooted",
    }


def test_masked_units(package: Path) -> None:
    """Every unit and generator of the list, and no other, is a link to /dev/null; each has a reason."""
    listed = (PACKAGE / "usr/share/nfsbooted/masked-units").read_text().splitlines()
    links = {line.split("./", 1)[1] for line in dpkg_deb("-c", package).splitlines() if line.startswith("l")}
    assert {link for link in links if not link.startswith("usr/")} == {
        f"{masked_path(line.split()[0])} -> /dev/null" for line in listed
    }
    assert all(len(line.split()) > 2 for line in listed)


def test_units_that_start_by_themselves(package: Path) -> None:
    """Each wish for a unit leads from below a target to a unit that the package has."""
    lines = dpkg_deb("-c", package).splitlines()
    units = {line.rsplit("/", 1)[1] for line in lines if "/systemd/system/nfsbooted-" in line}
    wishes = {line.split("./", 1)[1] for line in lines if line.startswith("l") and ".wants/nfsbooted" in line}
    system = "usr/lib/systemd/system"
    assert wishes == {
        f"{system}/multi-user.target.wants/nfsbooted-report.service -> ../nfsbooted-report.service",
        f"{system}/multi-user.target.wants/nfsbooted-logs.service -> ../nfsbooted-logs.service",
        f"{system}/sysinit.target.wants/nfsbooted-netconsole.service -> ../nfsbooted-netconsole.service",
        f"{system}/sysinit.target.wants/nfsbooted-trial.service -> ../nfsbooted-trial.service",
        f"{system}/timers.target.wants/nfsbooted-report.timer -> ../nfsbooted-report.timer",
    }
    assert {wish.rsplit("/", 1)[1] for wish in wishes} < units


def test_directories_of_the_overlay(package: Path) -> None:
    """The package brings every directory below /etc that the overlay's files need and Debian may not have."""
    paths = {line.split()[5] for line in dpkg_deb("-c", package).splitlines()}
    assert {f"./etc/{name}/" for name in ("network", "nfsbooted", "ssh/authorized_keys", "ssh/sshd_config.d")} < paths
    assert "./etc/systemd/timesyncd.conf.d/" in paths


def test_configuration_files_are_conffiles(package: Path, tmp_path: Path) -> None:
    """dpkg keeps an administrator's changes to every regular file below /etc."""
    subprocess.run(["dpkg-deb", "-R", package, tmp_path / "x"], check=True)
    files = [file for file in (tmp_path / "x/etc").rglob("*") if file.is_file() and not file.is_symlink()]
    expected = sorted(f"/{file.relative_to(tmp_path / 'x')}" for file in files)
    assert (tmp_path / "x/DEBIAN/conffiles").read_text().split() == expected


@pytest.mark.skipif(not shutil.which("groff"), reason="groff renders manual pages")
def test_manual_pages(package: Path, tmp_path: Path) -> None:
    """Both manual pages are there and groff renders them without a warning."""
    subprocess.run(["dpkg-deb", "-x", package, tmp_path], check=True)
    pages = sorted((tmp_path / "usr/share/man").rglob("*.gz"))
    assert [page.name for page in pages] == ["nfsbooted.conf.5.gz", "nfsbooted.8.gz"]
    for page in pages:
        source = subprocess.run(["gzip", "-dc", page], check=True, capture_output=True).stdout
        command = ["groff", "-mdoc", "-Tascii", "-P-cbou", "-ww"]
        done = subprocess.run(command, input=source, capture_output=True, check=True)
        assert (done.stderr, b"SEE ALSO" in done.stdout) == (b"", True)
