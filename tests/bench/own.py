"""What nfsroot makes of a recipe, from an empty cache and from a full one."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from contest import Contestant, timed

from builder.cache import Cache
from builder.container import image as builder_image
from builder.recipe.models import Recipe

HERE = Path(__file__).parent
ADDED = "bc"
"""A package that the recipe does not have, with two that it depends on."""

ONE_EACH = (ADDED, "dc", "ed", "jq", "lsof", "pv", "rsync", "time", "tree", "unzip")
"""Small packages that recipes differ in which share a base."""

GROWING = ((), ("gcc", "g++", "gfortran"), ("gcc", "g++", "gfortran", "llvm-dev", "clang", "default-jdk-headless"))
"""Packages that make a tree some times as large, and larger still."""

LIBRARIES = ("click", "jinja2", "pydantic", "tomli")
"""What nfsroot imports that is neither its own nor Python's."""

COPY = """\
import hashlib, mmap, sys, threading
with open(sys.argv[1], "rb") as tarball, open(sys.argv[2], "wb") as copy:
    content = mmap.mmap(tarball.fileno(), 0, access=mmap.ACCESS_READ)
    hashed = threading.Thread(target=hashlib.sha256, args=[content])
    hashed.start()
    copy.write(content)
    hashed.join()
"""

NODES = """\
[[cluster.nodes]]
names = "{names}"
addresses = "{addresses}"
macs = [{macs}]
"""

CLUSTER = """\
extends = "{base}"

[image]
name = "{name}"

[debian]
packages = [{packages}]

[cluster]
name = "bench"
domain = "bench.example"
subnet = "10.0.0.0/16"

[cluster.server]
name = "server"
address = "10.0.255.1"

"""


class Own:
    """Builds of a recipe that extends `base`, in directory `room`, by the command `nfsroot`.

    `warm` is a cache that has the builder image, the archive's state and every package.
    """

    def __init__(self, base: Recipe, room: Path, warm: Cache, nfsroot: Path) -> None:
        self._base = base.image.name
        self._room = room
        self._warm = warm
        self._nfsroot = str(nfsroot)
        self._packages = warm.root / "packages"
        self._nodes = 4
        room.mkdir(parents=True, exist_ok=True)

    @property
    def recipe(self) -> Path:
        """The recipe's file."""
        return self._room / "bench.toml"

    def write(self, nodes: int = 4, packages: Sequence[str] = (), recipe: Path | None = None) -> None:
        """Write the recipe anew, or another one, with so many nodes, and packages beside those of its base."""
        numbers = range(1, nodes + 1)
        macs = ", ".join(f'"52:54:00:00:{number >> 8:02x}:{number & 255:02x}"' for number in numbers)
        quoted = ", ".join(f'"{package}"' for package in packages)
        table = NODES.format(names=f"node[1-{nodes}]", addresses=f"10.0.1.[1-{nodes}]", macs=macs)
        path = recipe or self.recipe
        path.write_text(CLUSTER.format(base=self._base, name=path.stem, packages=quoted) + table)

    def fetch(self) -> None:
        """Download the packages that are added later: for all that is timed, packages are at hand."""
        self._forget()
        self.write(packages=[*ONE_EACH, *GROWING[-1]])
        self.make()
        self._packages = self._room / "packages"
        shutil.copytree(self._room / "cache/packages", self._packages)

    def cold(self) -> Contestant:
        """A whole release, with nothing in the cache but builder image, the archive's state and packages."""

        def prepare() -> None:
            self.write()
            self._forget()

        return Contestant("nfsroot", self._build(), prepare)

    def package_added(self) -> Contestant:
        """A release with one package more than the one before it, which is kept in the cache."""

        def prepare() -> None:
            self._forget()
            self.write()
            self.make()
            self.write(packages=[ADDED])

        return Contestant("nfsroot, one package added", self._build(), prepare)

    def ten(self) -> Contestant:
        """Ten releases of recipes that share a base, one after the other, from a cold cache."""
        recipes = self._with(*ONE_EACH)

        def prepare() -> None:
            self._forget()
            for package, recipe in recipes.items():
                self.write(packages=[package], recipe=recipe)

        return Contestant("nfsroot, ten recipes", self._each(recipes.values(), ";"), prepare)

    def two_at_once(self) -> Contestant:
        """Releases of two recipes that share a base, which is there, made at the same time."""
        recipes = self._with(*ONE_EACH[:2])

        def prepare() -> None:
            self._forget()
            self.write()
            self.make()
            for package, recipe in recipes.items():
                self.write(packages=[package], recipe=recipe)

        return Contestant("nfsroot, two recipes at once", self._each(recipes.values(), "&"), prepare)

    def grown(self, packages: Sequence[str]) -> Contestant:
        """A whole release of a larger tree, as `cold`."""

        def prepare() -> None:
            self._forget()
            self.write(packages=packages)

        return Contestant(f"nfsroot, {len(packages)} packages and what they need added", self._build(), prepare)

    def node_added(self, packages: Sequence[str] = ()) -> Contestant:
        """A release with one node more than the one before it, which has these packages beside those of its base.

        The release before it is gone: a virtual machine's memory is quick where it was used before, and slow where its
        host has to find it first.
        """

        def prepare() -> None:
            self.drop_releases()
            self._nodes += 1
            self.write(nodes=self._nodes, packages=packages)

        return Contestant("nfsroot, one node added", self._build(), prepare)

    def floor(self) -> list[Contestant]:
        """What a build with one node more is made of that is not its own: no build is quicker on this machine.

        The libraries are imported, and the tree's bytes are copied and hashed side by side.
        """
        (tarball,) = self.release().glob("*-root.tar.zst")
        imports, python = f"import {', '.join(LIBRARIES)}", [sys.executable, "-c"]
        return [
            Contestant("floor of one node added: imports", [*python, imports]),
            Contestant("floor of one node added: bytes", [*python, COPY, str(tarball), str(self._room / "copy")]),
        ]

    def unchanged(self) -> Contestant:
        """A build that finds its release."""
        return Contestant("nfsroot, nothing changed", self._build())

    def help(self) -> Contestant:
        """The command's help."""
        return Contestant("nfsroot --help", [self._nfsroot, "--help"])

    def drop_releases(self) -> None:
        """Remove all releases: the next builds make theirs anew, whatever was built before."""
        shutil.rmtree(self._room / "output", ignore_errors=True)

    def make(self) -> None:
        """Build the recipe as it is."""
        with tempfile.NamedTemporaryFile(dir=self._room) as log:
            timed(Contestant("nfsroot", self._build()), Path(log.name))

    def make_older(self) -> Path:
        """Build the recipe of an archive without its security suite, with a cache of its own; the release."""
        self.write()
        room = self._room / "older"
        (room / "cache/objects").mkdir(parents=True)
        image = builder_image.find(self._warm)
        assert image is not None, "the release before was made in it"
        (room / "cache/objects" / image.rootfs.parent.name).symlink_to(image.rootfs.parent)
        shutil.copytree(self._packages, room / "cache/packages")
        places = [f"--cache-dir={room / 'cache'}", f"--output={room / 'output'}"]
        argv = [sys.executable, str(HERE / "without_security.py"), "build", str(self.recipe), *places]
        with tempfile.NamedTemporaryFile(dir=self._room) as log:
            timed(Contestant("nfsroot without security updates", argv), Path(log.name))
        shutil.rmtree(room / "cache")
        (release,) = (room / "output/bench").iterdir()
        return release

    def release(self) -> Path:
        """The newest release."""
        return max((self._room / "output/bench").iterdir(), key=lambda path: path.stat().st_mtime)

    def tree_bytes(self) -> int:
        """The size of the newest release's root tarball without compression."""
        (tarball,) = self.release().glob("*-root.tar.zst")
        with subprocess.Popen(["zstd", "--decompress", "--stdout", tarball], stdout=subprocess.PIPE) as plain:
            assert plain.stdout
            return sum(len(block) for block in iter(lambda: plain.stdout.read(1 << 20), b""))

    @property
    def bases(self) -> int:
        """How many bases the cache holds."""
        return len(list((self._room / "cache/objects").glob("base-*")))

    def _build(self, recipe: Path | None = None) -> list[str]:
        places = [f"--cache-dir={self._room / 'cache'}", f"--output={self._room / 'output'}"]
        return [self._nfsroot, "build", str(recipe or self.recipe), *places]

    def _with(self, *packages: str) -> dict[str, Path]:
        """A recipe's file for each package."""
        return {package: self._room / f"with-{package}.toml" for package in packages}

    def _each(self, recipes: Iterable[Path], separator: str) -> list[str]:
        """One command that builds all of these, one after the other (;) or at the same time (&)."""
        builds = f" {separator} ".join(shlex.join(self._build(recipe)) for recipe in recipes)
        return ["bash", "-ec", builds if separator == ";" else f"{builds} & wait -n; wait -n"]

    def _forget(self) -> None:
        """Leave in the cache what a cold build may have: links to the warm one's."""
        cache = self._room / "cache"
        shutil.rmtree(cache, ignore_errors=True)
        shutil.rmtree(self._room / "output", ignore_errors=True)
        (cache / "objects").mkdir(parents=True)
        image = builder_image.find(self._warm)
        assert image is not None, "the release before was made in it"
        for kept in (image.rootfs.parent, *self._warm.root.glob("objects/archive-*")):
            (cache / "objects" / kept.name).symlink_to(kept)
        shutil.copytree(self._warm.root / "pointers", cache / "pointers")
        shutil.copytree(self._packages, cache / "packages")
