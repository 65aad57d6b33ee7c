"""SIGKILL at any write: readers see the state before or the state after, and the next call does the rest."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from small_release import make_release
from store_case import Case

from builder.store import reader
from builder.store.storage.directory import DirectoryStorage
from builder.store.verify import verify_store

NFSROOT = Path(sys.executable).with_name("nfsroot")
MOMENTS = 25
SPARED = 8
"""Writes by which two runs of a command may differ, at most."""
SOME_OR_ALL = pytest.mark.parametrize("most", [MOMENTS, pytest.param(10_000, marks=pytest.mark.full)])
"""How many writes of a command are tried, at most; `make test-full` tries every one."""

PROGRAM = """
import importlib, json, os, pathlib, signal, sys, threading
from builder.cli.main import main

# Each line of the standard input is a command: a process that has imported all that commands need forks, the command
# dies just before its write number `moment`, and its exit status is written; 0 counts the writes.
for module in ("cli.publish", "cli.promote", "cli.yank", "cli.fetch", "cli.store", "cli.verify",
               "sbom.make", "store.publish", "store.fetch", "store.prune", "store.verify"):
    importlib.import_module(f"builder.{module}")

def run(moment, arguments, environment, errors):
    counted, lock = 0, threading.Lock()

    def dying(do):
        def act(*positional, **named):
            nonlocal counted
            with lock:
                counted += 1
                if counted == moment:
                    os.kill(os.getpid(), signal.SIGKILL)
            return do(*positional, **named)
        return act

    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.fsync, os.mkdir = dying(os.fsync), dying(os.mkdir)
    pathlib.Path.rename, pathlib.Path.unlink = dying(pathlib.Path.rename), dying(pathlib.Path.unlink)
    sys.argv = ["nfsroot", *arguments]
    try:
        main()
    finally:
        print("writes", counted, file=sys.stderr, flush=True)

for line in sys.stdin:
    process = os.fork()
    if process == 0:
        try:
            run(*json.loads(line))
        except SystemExit as ended:
            os._exit(ended.code or 0)
        finally:
            os._exit(70)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


class Ended(NamedTuple):
    """How a command ended: its exit status, which is -9 after SIGKILL, and what it wrote to its standard error."""

    status: int
    errors: str


class Commands:
    """Runs commands of nfsroot in processes of their own, each without the time that Python takes to begin."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self._process, self._errors = process, errors

    def run(self, moment: int, *command: str) -> Ended:
        """Run a command that is killed before a write, or not at all (0)."""
        assert self._process.stdin and self._process.stdout
        print(json.dumps([moment, command, dict(os.environ), str(self._errors)]), file=self._process.stdin, flush=True)
        return Ended(int(self._process.stdout.readline()), self._errors.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """The process that runs commands."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        yield Commands(process, tmp_path_factory.mktemp("commands") / "errors")
        assert process.stdin
        process.stdin.close()


class Scene:
    """A store, releases that wait to be published, and copies of all that a command changes."""

    def __init__(self, directory: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory, self.run = directory, commands.run
        self.home, self.store = directory / "now/home", directory / "now/store"
        monkeypatch.setenv("HOME", str(self.home))
        # A process of its own writes the lists of software into the cache, and may outlive the command by a moment.
        monkeypatch.setenv("XDG_CACHE_HOME", str(directory / "cache"))
        for variable in ("NFSROOT_CACHE_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            monkeypatch.delenv(variable, raising=False)
        self.releases = [make_release(directory / "releases", version=version) for version in ("1", "2", "3")]
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
def scene(tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A home directory and an empty store."""
    return Scene(tmp_path, commands, monkeypatch)


def seeded_moments(seed: str, writes: int, most: int = MOMENTS) -> Sequence[int]:
    """Moments among so many writes, each at most once.

    Threads that make the same directory at once may spare each other a write: the last few writes may not come.
    """
    assert writes > SPARED, "the command writes so little that it would be killed nowhere"
    return sorted(random.Random(seed).sample(range(1, writes - SPARED + 1), min(most, writes - SPARED)))


def count_writes(scene: Scene, *command: str) -> int:
    """The number of writes of a command that is left alone."""
    ended = scene.run(0, *command)
    assert ended.status == 0, ended.errors
    scene.reset()
    return int(ended.errors.split()[-1])


@SOME_OR_ALL
def test_first_publish(scene: Scene, most: int) -> None:
    """A first publish that was killed leaves no store or an empty one; the next publish ends what it began."""
    scene.keep()
    command = ("publish", str(scene.releases[0]), "--to", str(scene.store))
    for moment in seeded_moments("first", count_writes(scene, *command), most):
        assert scene.run(moment, *command).status == -9
        assert not (scene.store / "metadata/timestamp.json").exists() or set(scene.versions()) == {"1"}
        ended = scene.run(0, *command)
        assert ended.status == 0, (moment, ended.errors)
        assert set(scene.versions()) == {"1"}
        scene.reset()


def names_in(directory: Path) -> frozenset[str]:
    """The names of what lies in a directory."""
    return frozenset(path.name for path in directory.iterdir())


def make_old_releases(scene: Scene) -> frozenset[str]:
    """Publish two more releases, and let all blobs be old; the names of those that the first of the two has alone."""
    blobs = scene.store / "blobs/sha256"
    before = names_in(blobs)
    scene.case.publish(scene.releases[1])
    second = names_in(blobs)
    scene.case.publish(scene.releases[2])
    stray = blobs / ("0" * 64)  # no release names it
    stray.write_bytes(b"stray")
    for path in scene.store.rglob("*"):
        os.utime(path, (0, 0))
    assert second > before
    return second - before | {stray.name}


@SOME_OR_ALL
@pytest.mark.parametrize(
    ("verb", "after"),
    [
        ("publish", {"1": ("stable",), "2": ("test",)}),
        ("promote", {"1": ("stable", "test")}),
        ("prune", {"1": ("stable",), "3": ()}),
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
    old = make_old_releases(scene) if verb == "prune" else frozenset()
    scene.keep()
    before = scene.versions()
    for moment in seeded_moments(verb, count_writes(scene, *command), most):
        assert scene.run(moment, *command).status == -9
        assert scene.versions() in (before, after), moment
        ended = scene.run(0, *command)
        assert ended.status == 0, (moment, ended.errors)
        assert scene.versions() == after
        assert not old & names_in(scene.store / "blobs/sha256")
        scene.reset()


def test_fetch(scene: Scene, tmp_path: Path) -> None:
    """A fetch that was killed leaves no release; the next one goes on with what is there."""
    scene.case.publish(scene.releases[0])
    target = tmp_path / "now/fetched"
    scene.keep()
    command = ("fetch", "small", "--from", str(scene.store), str(target))
    for moment in seeded_moments("fetch", count_writes(scene, *command)):
        assert scene.run(moment, *command).status == -9
        assert not target.exists() or scene.run(0, "verify", str(target)).status == 0
        ended = scene.run(0, *command)
        assert ended.status == 0, (moment, ended.errors)
        assert scene.run(0, "verify", str(target)).status == 0
        assert [path.name for path in target.parent.glob(".*")] == []
        scene.reset()


def test_two_publishers(scene: Scene) -> None:
    """Four publishers at once put four releases into one store, and a promotion among them is not lost."""
    scene.case.publish(scene.releases[0])
    others = [make_release(scene.directory / "releases", version=str(version)) for version in range(4, 8)]
    commands = [
        *(
            ("publish", str(release), "--to", str(scene.store), "--channel", f"c{at}")
            for at, release in enumerate(others)
        ),
        ("promote", "small", "1", "--to", str(scene.store), "--channel", "stable"),
    ]
    running = [
        subprocess.Popen([NFSROOT, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    assert [process.wait() for process in running] == [0] * len(running)
    assert scene.versions() == {
        "1": ("stable",),
        **{str(version): (f"c{at}",) for at, version in enumerate(range(4, 8))},
    }
