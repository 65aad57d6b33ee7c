"""Makes the Debian package nfsroot-site: `make deb`.

The same checkout gives the same bytes: times are those of the last commit, or of SOURCE_DATE_EPOCH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from changelog import changelog
from manual import manual
from modules import PROJECT, site_files
from vendored import VendoredError, copy_packages

from builder import __version__
from builder.umask import UMASK

NAME = "nfsroot-site"
DEBIAN = PROJECT / "deploy/debian"
PAGE = "nfsroot-site.8"
MADE_HERE = (f"{PAGE}.j2", "patches")
"""The files in deploy/debian that this program reads, and debhelper does not."""


def make(output: Path) -> Path:
    """Build the package and put it into the directory `output`."""
    epoch = source_date(os.environ)
    with TemporaryDirectory(prefix="nfsroot-deb-") as scratch:
        source = Path(scratch, f"{NAME}-{__version__}")
        source.mkdir()
        lay_out(source, epoch)
        build(source, epoch)
        return _move(source.parent / f"{NAME}_{__version__}_all.deb", output)


def lay_out(source: Path, epoch: int) -> None:
    """Write all files from which dpkg-buildpackage(1) makes the package into the directory `source`."""
    for file in site_files():
        (source / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / file, source / file)
    copy_packages(source / "vendor", DEBIAN / "patches")
    debian = source / "debian"
    shutil.copytree(DEBIAN, debian, ignore=shutil.ignore_patterns(*MADE_HERE))
    (debian / PAGE).write_text(manual(DEBIAN / f"{PAGE}.j2", __version__, epoch), encoding="utf-8")
    said = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    entry = changelog(NAME, __version__, _maintainer(debian / "control"), said, epoch)
    (debian / "changelog").write_text(entry, encoding="utf-8")


def build(source: Path, epoch: int) -> None:
    """Run dpkg-buildpackage in `source`; the package appears beside that directory."""
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(source.parent),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "SOURCE_DATE_EPOCH": str(epoch),
    }
    argv = ["dpkg-buildpackage", "--build=binary", "--no-sign"]
    done = subprocess.run(argv, cwd=source, env=environment, capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{done.stderr}make deb: {' '.join(argv)} failed with status {done.returncode}")


def source_date(environment: Mapping[str, str]) -> int:
    """The time of the package's files, in seconds since 1970."""
    named = environment.get("SOURCE_DATE_EPOCH")
    if named:
        return int(named)
    argv = ["git", "-c", "safe.directory=*", "log", "-1", "--format=%ct"]
    return int(subprocess.run(argv, cwd=PROJECT, capture_output=True, check=True).stdout)


def _maintainer(control: Path) -> str:
    lines = control.read_text(encoding="utf-8").splitlines()
    return next(line.partition(": ")[2] for line in lines if line.startswith("Maintainer: "))


def _move(package: Path, output: Path) -> Path:
    """Move the package into `output` in one step: a reader finds the package of before, or this one."""
    output.mkdir(parents=True, exist_ok=True)
    unfinished = output / f".{package.name}"
    shutil.copyfile(package, unfinished)
    return unfinished.rename(output / package.name)


def main() -> None:
    """Make the package, and print its path."""
    os.umask(UMASK)
    try:
        print(make(Path(sys.argv[1])))
    except VendoredError as error:
        sys.exit(f"make deb: {error}")


if __name__ == "__main__":
    main()
