"""Python packages that Debian 12 does not have, and that come with the Debian package.

The packages are copied from the environment in which the Debian package is made, where pip has compared them with the
digests in requirements.lock.  Only Python's own text is taken: a compiled module would bind the package to one
architecture.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
from importlib.metadata import PackagePath, distribution
from pathlib import Path

PACKAGES = ("securesystemslib", "tomli", "tuf")
KINDS = (".py", ".typed")
TESTS = ("test_", "tests", "conftest.py")
"""Prefixes of directories and files that only tests of these packages need."""


class VendoredError(Exception):
    """The error of a package in this environment that is not as pip has installed it."""


def copy_packages(target: Path, patches: Path) -> None:
    """Copy the packages into the directory `target`, and apply the patches in the directory `patches` to them.

    :raises VendoredError: somebody has changed a file since pip installed it.
    """
    for name in PACKAGES:
        for file in needed_files(name):
            place = target / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_verified(file))
    for patch in sorted(patches.glob("*.patch")):
        argv = ["patch", "--quiet", "--strip=1", "--fuzz=0", "--no-backup-if-mismatch", f"--input={patch}"]
        subprocess.run(argv, cwd=target, check=True)


def needed_files(name: str) -> list[PackagePath]:
    """The modules of an installed package, below the directory that has the package's name, sorted."""
    files = distribution(name).files or []
    return sorted(file for file in files if file.parts[0] == name and _is_needed(file))


def _is_needed(file: PackagePath) -> bool:
    return file.suffix in KINDS and not any(part.startswith(TESTS) for part in file.parts)


def _verified(file: PackagePath) -> bytes:
    """The bytes of an installed file, which have the digest that the wheel's RECORD gives."""
    content = file.read_binary()
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    if file.hash is None or (file.hash.mode, file.hash.value) != ("sha256", digest):
        raise VendoredError(f"{file.locate()} is not as pip has installed it; remove .venv and run make again")
    return content
