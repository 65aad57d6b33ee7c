"""What others make of the same packages: a file tree by the tools that people use today."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from contest import Contestant, timed

from builder.recipe.models import Recipe

ARCHIVES = "var/cache/apt/archives"
MKOSI = "mkosi 14"
"""What the mkosi of Debian 12 calls itself; Debian 13's has another command line."""

TOOLS = ("mmdebstrap", "debootstrap", MKOSI, "qemu-img")
"""By which command it shows that a peer can run here: diskimage-builder itself is always there."""


class Peers:
    """The peers' commands for the packages of a recipe, in directory `room`, with the packages at hand.

    Each of them works where `room` is, which should be memory: a disk is slower than the work.
    """

    def __init__(self, recipe: Recipe, room: Path, tools: Path) -> None:
        self._recipe = recipe
        self._room = room
        self._debs = room / "debs"
        self._tools = tools

    def fetch(self) -> None:
        """Download the packages as the archive has them: our cache keeps them without compression."""
        self._debs.mkdir(parents=True)
        first = self.mmdebstrap()
        keep = ["--skip=cleanup/apt,essential/unlink", '--aptopt=APT::Keep-Downloaded-Packages "true"']
        keep += [f'--customize-hook=cp "$1/{ARCHIVES}"/*.deb {self._debs}']
        first.prepare()
        timed(replace(first, argv=[first.argv[0], *keep, *first.argv[1:]], prepare=lambda: None), self._room / "log")

    def all(self) -> list[Contestant]:
        """Every peer that this machine has."""
        absent = missing()
        peers = (self.mmdebstrap, self.debootstrap, self.mkosi, self.diskimage_builder)
        return [peer() for tool, peer in zip(TOOLS, peers, strict=True) if tool not in absent]

    def mmdebstrap(self) -> Contestant:
        """mmdebstrap(1), which writes a plain tar archive."""
        copy = f'mkdir -p "$1/{ARCHIVES}" && find {self._debs} -name "*.deb" -exec cp -t "$1/{ARCHIVES}" {{}} +'
        argv = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar", f"--include={self._packages(',')}"]
        argv += ['--aptopt=APT::Install-Recommends "false"', f"--setup-hook={copy}"]
        argv += [self._recipe.debian.suite, str(self._room / "mmdebstrap/root.tar")]
        return Contestant("mmdebstrap", argv, self._anew("mmdebstrap"), {"TMPDIR": str(self._room / "mmdebstrap")})

    def debootstrap(self) -> Contestant:
        """debootstrap(8), which makes a directory."""
        argv = ["debootstrap", "--variant=minbase", f"--cache-dir={self._debs}", f"--include={self._packages(',')}"]
        argv += [self._recipe.debian.suite, str(self._room / "debootstrap/root")]
        return Contestant("debootstrap", argv, self._anew("debootstrap"))

    def mkosi(self) -> Contestant:
        """mkosi(1) as Debian 12 has it, which makes a plain tar archive; it keeps packages after its first run.

        It adds libpam-systemd and systemd-resolved, which it cannot do without.
        """
        argv = ["mkosi", "--distribution=debian", f"--release={self._recipe.debian.suite}", "--format=tar"]
        argv += ["--compress-output=no", "--with-docs=yes"]
        argv += [f"--directory={self._room / 'mkosi'}", f"--workspace-dir={self._room / 'mkosi'}", "--output=root.tar"]
        argv += [f"--cache={self._room / 'mkosi-cache'}", *(f"--package={name}" for name in self._recipe.packages)]
        return Contestant("mkosi", argv, self._anew("mkosi"))

    def diskimage_builder(self) -> Contestant:
        """diskimage-builder as it is, with its own minimal Debian; it keeps packages after its first run.

        Settings of the user's, DIB_DEBIAN_SECURITY_MIRROR say, reach it: not every mirror has what it expects.
        """
        argv = [str(self._tools / "disk-image-create"), "-t", "tar", "-o", str(self._room / "stock/image")]
        argv += ["-p", self._packages(","), "debian-minimal"]
        settings = {
            "DIB_RELEASE": self._recipe.debian.suite,
            "DIB_IMAGE_CACHE": str(self._room / "stock-cache"),
            "PATH": f"{self._tools}:{os.environ['PATH']}",
            "TMP_DIR": str(self._room / "stock"),
            **{name: value for name, value in os.environ.items() if name.startswith("DIB_")},
        }
        return Contestant("diskimage-builder", argv, self._anew("stock"), settings)

    def _packages(self, separator: str) -> str:
        return separator.join(self._recipe.packages)

    def _anew(self, name: str) -> Callable[[], None]:
        def prepare() -> None:
            shutil.rmtree(self._room / name, ignore_errors=True)
            (self._room / name).mkdir(parents=True)

        return prepare


def missing() -> list[str]:
    """Those of `TOOLS` that this machine does not have."""
    return [tool for tool in TOOLS if not _is_here(tool)]


def _is_here(tool: str) -> bool:
    command, _, version = tool.partition(" ")
    if shutil.which(command) is None:
        return False
    return not version or subprocess.check_output([command, "--version"], text=True).strip() == tool
