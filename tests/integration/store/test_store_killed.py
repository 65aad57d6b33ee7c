"""SIGKILL at any write: readers see the state before or the state after, and the next call does the rest."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from small_release import make_release
from store_case import Case

from builder.store import reader
from builder.store.storage.directory import DirectoryStorage
from builder.store.verify import verify_store

MOMENTS = 25
SPARED = 8
"""Writes by which two runs of a command may differ, at most."""
SOME_OR_ALL = pytest.mark.parametrize("most", [MOMENTS, pytest.param(10_000, marks=pytest.mark.full)])
"""How many writes of a command are tried, at most; `make test-full` tries every one."""

PROGRAM = """
import itertools, os, pathlib, signal, sys, threading
from builder.cli.main import main

# The command dies just before its write number sys.argv[1]; 0 counts the writes.
moment, events, lock = int(sys.argv[1]), itertools.count(1), threading.Lock()
counted = 0

def dying(do):
    def act(*arguments, **named):
        global counted
        with lock:
            counted = next(events)
            if counted == moment:
                os.kill(os.getpid(), signal.SIGKILL)
        return do(*arguments, **named)
    return act

os.fsync = dying(os.fsync)
os.mkdir = dying(os.mkdir)
pathlib.Path.rename = dying(pathlib.Path.rename)
pathlib.Path.unlink = dying(pathlib.Path.unlink)
sys.argv = ["nfsroot", *sys.argv[2:]]
try:
    main()
finally:
    print("writes", counted, file=sys.stderr)
"""


def run(moment: int, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of nfsroot that is killed before a write, or not at all (0)."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(moment), *command],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


class Scene:
    """A store with one release, another release that waits, and copies of all that a command changes."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.home, self.store = directory / "now/home", directory / "now/store"
        monkeypatch.setenv("HOME", str(self.home))
        for variable in ("NFSROOT_CACHE_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            monkeypatch.delenv(variable, raising=False)
        self.releases = [make_release(directory / "releases", version=version) for version in ("1", "2")]
        self.home.mkdir(parents=True)

    @property
    def case(self) -> Case:
        return Case(DirectoryStorage(self.store), self.directory / "releases")

    def keep(self) -> None:
        """Remember the present state, to begin with it again and again."""
        shutil.copytree(self.directory / "now", self.directory / "kept", symlinks=True)

    def reset(self) -> None:
        """Go back to the state that was kept."""
        shutil.rmtree(self.directory / "now")
        shutil.copytree(self.directory / "kept", self.directory / "now", symlinks=True)

    def versions(self) -> dict[str, tuple[str, ...]]:
        """The channels of each release in the store; everything that the store names verifies."""
        assert verify_store(reader.open_trusted(self.case.storage), lambda _: None) == []
        return {release.version: release.channels for release in self.case.catalog().get("small", [])}


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A home directory and an empty store."""
    return Scene(tmp_path, monkeypatch)


def seeded_moments(seed: str, writes: int, most: int = MOMENTS) -> Sequence[int]:
    """Moments among so many writes, each at most once.

    Threads that make the same directory at once may spare each other a write: the last few writes may not come.
    """
    return sorted(random.Random(seed).sample(range(1, writes - SPARED + 1), min(most, writes - SPARED)))


def count_writes(scene: Scene, *command: str) -> int:
    """The number of writes of a command that is left alone."""
    ended = run(0, *command)
    assert ended.returncode == 0, ended.stderr
    scene.reset()
    return int(ended.stderr.split()[-1])


@SOME_OR_ALL
def test_first_publish(scene: Scene, most: int) -> None:
    """A first publish that was killed leaves no store or an empty one; the next publish ends what it began."""
    scene.keep()
    command = ("publish", str(scene.releases[0]), "--to", str(scene.store))
    for moment in seeded_moments("first", count_writes(scene, *command), most):
        assert run(moment, *command).returncode == -9
        assert not (scene.store / "metadata/timestamp.json").exists() or set(scene.versions()) == {"1"}
        ended = run(0, *command)
        assert ended.returncode == 0, (moment, ended.stderr)
        assert set(scene.versions()) == {"1"}
        scene.reset()


@SOME_OR_ALL
@pytest.mark.parametrize(
    ("verb", "after"),
    [
        ("publish", {"1": ("stable",), "2": ("test",)}),
        ("promote", {"1": ("stable", "test")}),
        ("prune", {"1": ("stable",)}),
        ("refresh", {"1": ("stable",)}),
        ("yank", {"1": ()}),
    ],
)
def test_any_change(scene: Scene, verb: str, after: dict[str, tuple[str, ...]], most: int) -> None:
    """A change that was killed has happened or has not; the same command once more makes it, and nothing is lost."""
    store = str(scene.store)
    command = {
        "publish": ("publish", str(scene.releases[1]), "--to", store, "--channel", "test"),
        "promote": ("promote", "small", "1", "--to", store, "--channel", "test"),
        "prune": ("store", "prune", store, "--keep", "1"),
        "refresh": ("store", "refresh", store),
        "yank": ("yank", "small", "1", "--from", store, "--reason", "nodes hang"),
    }[verb]
    scene.case.publish(scene.releases[0], channel="stable")
    if verb == "prune":
        stray = scene.store / "blobs/sha256" / ("0" * 64)  # no release names it
        stray.write_bytes(b"stray")
        os.utime(stray, (0, 0))
    scene.keep()
    before = scene.versions()
    for moment in seeded_moments(verb, count_writes(scene, *command), most):
        assert run(moment, *command).returncode == -9
        assert scene.versions() in (before, after), moment
        ended = run(0, *command)
        assert ended.returncode == 0, (moment, ended.stderr)
        assert scene.versions() == after
        if verb == "prune":
            assert not (scene.store / "blobs/sha256" / ("0" * 64)).exists()
        scene.reset()


def test_fetch(scene: Scene, tmp_path: Path) -> None:
    """A fetch that was killed leaves no release; the next one goes on with what is there."""
    scene.case.publish(scene.releases[0])
    target = tmp_path / "now/fetched"
    scene.keep()
    command = ("fetch", "small", "--from", str(scene.store), str(target))
    for moment in seeded_moments("fetch", count_writes(scene, *command)):
        assert run(moment, *command).returncode == -9
        assert not target.exists() or run(0, "verify", str(target)).returncode == 0
        ended = run(0, *command)
        assert ended.returncode == 0, (moment, ended.stderr)
        assert run(0, "verify", str(target)).returncode == 0
        assert [path.name for path in target.parent.glob(".*")] == []
        scene.reset()


def test_two_publishers(scene: Scene) -> None:
    """Four publishers at once put four releases into one store, and a promotion among them is not lost."""
    scene.case.publish(scene.releases[0])
    others = [make_release(scene.directory / "releases", version=str(version)) for version in range(3, 7)]
    commands = [
        *(
            ("publish", str(release), "--to", str(scene.store), "--channel", f"c{at}")
            for at, release in enumerate(others)
        ),
        ("promote", "small", "1", "--to", str(scene.store), "--channel", "stable"),
    ]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "0", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for command in commands
    ]
    assert [process.wait() for process in running] == [0] * len(running)
    assert scene.versions() == {
        "1": ("stable",),
        **{str(version): (f"c{at}",) for at, version in enumerate(range(3, 7))},
    }
