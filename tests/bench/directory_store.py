"""The benchmark of a store in a directory: nfsroot beside cp and sync, with a release of the benchmark's recipe."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from contest import Contestant, Times, contest

from builder.store import catalog
from builder.store.metadata import Targets
from builder.store.publish import open_publisher
from builder.store.storage.directory import DirectoryStorage

NFSROOT = str(Path(sys.executable).with_name("nfsroot"))
RELEASES = 200
"""Releases in the store that is listed."""
UNPROVED = ("--allow-unproved",)
"""The benchmark publishes what no lab has booted."""


class Measured(NamedTuple):
    """The times of everybody by name, and the bytes that a node added brings to a store."""

    times: dict[str, Times]
    node_bytes: int


class Stores:
    """A store in directory `room`/store, with the keys of a home directory beside it, that is set up for each round.

    The cache beside them has the lists of the first release's software, which the lab makes before anybody publishes.
    """

    def __init__(self, room: Path, first: Path, node: Path) -> None:
        self.room, self.first, self.node = room, first, node
        self.store, self.home, self.copy = room / "store", room / "home", room / "copy"
        self.environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin"}
        self.after_lab = {**self.environment, "NFSROOT_CACHE_DIR": str(room / "cache")}
        subprocess.run([NFSROOT, "sbom", str(first)], env=self.after_lab, check=True, capture_output=True)

    def all(self) -> Iterator[Contestant]:
        """Everybody, in the order in which they run."""
        copy = shlex.join(["cp", "-r", str(self.first), str(self.copy)])
        yield self._one("cp and sync", ["sh", "-c", f"{copy} && sync -f {shlex.quote(str(self.copy))}"], self._empty)
        publish = self._publish(self.first)
        yield Contestant("first publish", publish, self._empty, self.after_lab)
        yield Contestant("first publish, not after a lab", publish, self._empty, self.environment)
        yield Contestant("publish, a node added", self._publish(self.node), self._with_first, self.after_lab)
        yield self._one("cp", ["sh", "-c", copy], self._with_first)
        yield self._one(
            "fetch",
            [NFSROOT, "fetch", self.first.parent.name, "--from", str(self.store), str(self.copy)],
            self._with_first,
        )
        yield self._one(f"list of {RELEASES} releases", [NFSROOT, "list", str(self.store)], self._with_many)

    def node_bytes(self) -> int:
        """Bytes that the store takes more after a node was added."""
        self._with_first()
        before = self._size()
        self._run(self._publish(self.node))
        return self._size() - before

    def _one(self, name: str, argv: list[str], prepare: Callable[[], object]) -> Contestant:
        return Contestant(name, argv, prepare, self.environment)

    def _publish(self, release: Path) -> list[str]:
        return [NFSROOT, "publish", str(release), "--to", str(self.store), *UNPROVED]

    def _empty(self) -> None:
        for directory in (self.store, self.home, self.copy):
            shutil.rmtree(directory, ignore_errors=True)
        self.home.mkdir()

    def _with_first(self) -> None:
        self._empty()
        self._run(self._publish(self.first))

    def _with_many(self) -> None:
        """A store with many releases that have the files of one."""
        self._with_first()

        def describe_many(targets: Targets) -> None:
            [release] = catalog.read_catalog(targets)[self.first.parent.name]
            for number in range(RELEASES - 1):
                catalog.put_release(targets, replace(release, version=f"{number}"))

        os.environ["HOME"] = str(self.home)
        open_publisher(DirectoryStorage(self.store), None).commit(describe_many)

    def _run(self, argv: list[str]) -> None:
        subprocess.run(argv, env=self.after_lab, check=True, capture_output=True)

    def _size(self) -> int:
        return sum(file.stat().st_size for file in self.store.rglob("*") if file.is_file())


def measure_directory(room: Path, first: Path, node: Path, rounds: int) -> Measured:
    """Publish, fetch and list releases: `node` is `first` with a node added."""
    room.mkdir(parents=True)
    stores = Stores(room, first, node)
    return Measured(contest(list(stores.all()), rounds, room / "log"), stores.node_bytes())


def ratios(measured: Measured) -> dict[str, float]:
    """The times that have a yardstick in the same run, in units of it.

    A fetch ends when its files are on the disk, so that `cp` alone, which leaves them in memory, does less.
    """
    times = measured.times
    return {
        "first publish / (cp and sync)": times["first publish"].ratio(times["cp and sync"]),
        "fetch / (cp and sync)": times["fetch"].ratio(times["cp and sync"]),
        "fetch / cp": times["fetch"].ratio(times["cp"]),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="nfsroot-bench-", dir=sys.argv[3]) as directory:
        made = measure_directory(Path(directory, "room"), Path(sys.argv[1]), Path(sys.argv[2]), 7)
    for each in made.times.values():
        print(f"{each.name:24} {each.median:6.2f} s  {each.peak_mib:6.0f} MiB")  # noqa: T201
    for name, ratio in ratios(made).items():
        print(f"{name:32} {ratio:.2f}")  # noqa: T201
    print(f"bytes of a node added: {made.node_bytes}")  # noqa: T201
