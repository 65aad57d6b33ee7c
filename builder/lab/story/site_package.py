"""The Debian package nfsroot-site, which a story installs on a server that is a virtual machine.

The lab takes the package that `make deb` left, and makes none: debhelper and the checkout's deploy/deb, by which it is
made, are nothing that an installed nfsroot has.
"""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import builder
from builder.errors import InputError
from builder.lab.machine.namespace import ENVIRONMENT
from builder.process import CommandError, run

NAME = "nfsroot-site"


@dataclass(frozen=True)
class SitePackage:
    """The package in `file`; `dependencies` are the names of the packages without which it cannot be installed."""

    file: Path
    dependencies: tuple[str, ...]


def find_package(output: Path) -> SitePackage:
    """The package of this version of nfsroot in the directory `output`.

    :raises InputError: there is none, or dpkg-deb(1) cannot read it.
    """
    file = output / f"{NAME}_{builder.__version__}_all.deb"
    if not file.is_file():
        raise InputError(
            f"there is no {file}, which the story installs on its virtual server",
            resolution="Make the package in a checkout of nfsroot:\n"
            + ("  make deb" if str(output) == "output" else f"  make deb OUTPUT={shlex.quote(str(output))}"),
        )
    if shutil.which("dpkg-deb", path=ENVIRONMENT["PATH"]) is None:
        raise InputError("dpkg-deb reads what nfsroot-site depends on, and is not here", resolution="Install dpkg.")
    lines: list[str] = []
    try:
        run(["dpkg-deb", "--field", str(file), "Depends"], env=ENVIRONMENT, on_line=lines.append)
    except CommandError as error:
        raise InputError(f"{file} is no Debian package", details=error.details, resolution="make deb") from error
    return SitePackage(file.resolve(), parse_dependencies(" ".join(lines[1:])))


def parse_dependencies(field: str) -> tuple[str, ...]:
    """The names in a Depends field (deb-control(5)): of alternatives the first, without versions and architectures."""
    return tuple(re.split(r"[\s(:|\[]", each.strip(), maxsplit=1)[0] for each in field.split(",") if each.strip())
