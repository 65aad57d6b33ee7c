"""The cache: objects appear whole or not at all, and what killed builds left is found."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from builder.cache import Cache
from builder.errors import NfsrootError

INPUTS = {"packages": ["vim"]}
NOBODY = 0xFFFFFFFF


@pytest.fixture
def store(tmp_path: Path) -> Cache:
    """A cache of this test's own, not made yet."""
    return Cache(tmp_path / "cache")


def fill(directory: Path) -> None:
    """Make an object of one file."""
    (directory / "tree.tar").write_text("tree")


def test_produced_object_is_there(store: Cache) -> None:
    """An object holds what its step made, with the inputs and the sizes of its files beside it."""
    path = store.produce("tree", "1234", INPUTS, fill)
    assert path == store.object("tree", "1234")
    assert store.has("tree", "1234")
    assert (path / "tree.tar").read_text() == "tree"
    assert json.loads((path / "step.json").read_text()) == {"inputs": INPUTS, "sizes": {"tree.tar": 4}, "bytes": 4}


def test_object_is_made_once(store: Cache) -> None:
    """A step whose object is there is not run again."""
    store.produce("tree", "1234", INPUTS, fill)
    store.produce("tree", "1234", INPUTS, lambda _directory: pytest.fail("made twice"))


@pytest.mark.parametrize("error", [NfsrootError("a hook failed"), KeyboardInterrupt()])
def test_failed_step_leaves_nothing(store: Cache, error: BaseException) -> None:
    """A step that fails or is interrupted leaves no object and no directory in work/."""

    def fail(directory: Path) -> None:
        fill(directory)
        raise error

    with pytest.raises(type(error)):
        store.produce("tree", "1234", INPUTS, fail)
    assert not store.has("tree", "1234")
    assert list((store.root / "unfinished").iterdir()) == []
    assert list((store.root / "objects").glob("*")) == []


def test_work_inherits_nothing(store: Cache) -> None:
    """A tree that is made on disk has no modes, groups or ACLs from the directory in which its cache stands."""
    store.root.mkdir()
    store.root.chmod(0o2770)
    # Owner, group and others may do everything, as the kernel writes it (linux/posix_acl_xattr.h).
    everybody = struct.pack("<I" + 3 * "HHI", 2, 1, 7, NOBODY, 4, 7, NOBODY, 32, 7, NOBODY)
    with contextlib.suppress(OSError):  # not every file system has ACLs
        os.setxattr(store.root, "system.posix_acl_default", everybody)
    with store.work("tree") as directory:
        (directory / "opt").mkdir()
        (directory / "file").touch(0o666)
        assert stat.S_IMODE(directory.stat().st_mode) == 0o755
        assert stat.S_IMODE((directory / "opt").stat().st_mode) == 0o777 & ~umask()
        assert stat.S_IMODE((directory / "file").stat().st_mode) == 0o666 & ~umask()
        assert os.listxattr(directory / "opt") == []


def umask() -> int:
    """This process's umask."""
    found = os.umask(0o022)
    os.umask(found)
    return found


@pytest.mark.parametrize("damage", ["truncated", "missing", "no record", "broken record"])
def test_damaged_object_is_made_again(store: Cache, damage: str) -> None:
    """An object that a crash of the machine damaged does not count and is replaced."""
    path = store.produce("tree", "1234", INPUTS, fill)
    match damage:
        case "truncated":
            (path / "tree.tar").write_text("")
        case "missing":
            (path / "tree.tar").unlink()
        case "no record":
            (path / "step.json").unlink()
        case "broken record":
            (path / "step.json").write_text("{")
    assert not store.has("tree", "1234")
    store.produce("tree", "1234", INPUTS, fill)
    assert (store.object("tree", "1234") / "tree.tar").read_text() == "tree"
    assert list((store.root / "unfinished").iterdir()) == []


def test_two_builds_make_an_object_once(store: Cache) -> None:
    """The second of two builds that need the same object waits for the first and takes its object."""
    begun, made = threading.Event(), []

    def slowly(directory: Path) -> None:
        begun.set()
        time.sleep(0.2)
        fill(directory)
        made.append(directory)

    first = threading.Thread(target=store.produce, args=("tree", "1234", INPUTS, slowly))
    first.start()
    assert begun.wait(5)
    store.produce("tree", "1234", INPUTS, slowly)
    first.join(5)
    assert len(made) == 1


HOLD = """
import sys, time
from pathlib import Path
from builder.cache import Cache
with Cache(Path(sys.argv[1])).work("tree") as directory:
    (directory / "half").write_text("half")
    print(directory, flush=True)
    time.sleep(60)
"""


def test_sweep_tells_the_killed_from_the_living(store: Cache) -> None:
    """What a build in progress works on stays; once it is killed by SIGKILL, the next sweep removes it."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(store.root)], stdout=subprocess.PIPE, text=True) as build:
        try:
            assert build.stdout is not None
            directory = Path(build.stdout.readline().strip())
            assert store.sweep() == 0
            assert (directory / "half").exists()
        finally:
            build.kill()
    assert store.sweep() == 1
    assert not directory.exists()
    assert list((store.root / "locks").iterdir()) == []


def test_lock_waits_until_it_is_let_go(store: Cache) -> None:
    """Two holders of one lock are never inside at the same time, even when its file was removed between them."""
    inside, most = 0, 0

    def enter(name: str) -> None:
        nonlocal inside, most
        for _ in range(20):
            with store.lock(name, passing=True):
                inside += 1
                most = max(most, inside)
                time.sleep(0.001)
                inside -= 1

    threads = [threading.Thread(target=enter, args=("build",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == 1


def test_prune_keeps_what_was_used(store: Cache) -> None:
    """Pruning removes objects, packages and logs unused for that long, keeps the others and tells the bytes."""
    for key in ("old", "new"):
        store.produce("tree", key, INPUTS, fill)
    package = store.packages("trixie") / "vim_1_amd64.deb"
    package.write_bytes(bytes(100))
    log = store.log("kerrighed-tree")
    log.write_text("done")
    old = time.time() - 1000
    for path in (store.object("tree", "old") / "step.json", package, log):
        os.utime(path, (old, old))
    freed = store.prune(seconds=500)
    assert freed == 4 + 100 + 4
    assert store.has("tree", "new")
    assert not any(path.exists() for path in (store.object("tree", "old"), package, log))


def test_use_keeps_an_object_from_pruning(store: Cache) -> None:
    """An object that a build reuses counts as used now."""
    path = store.produce("tree", "1234", INPUTS, fill)
    os.utime(path / "step.json", (0, 0))
    assert store.use("tree", "1234") == path
    assert store.prune(seconds=500) == 0
    assert store.has("tree", "1234")


def test_nothing_is_pruned_while_a_build_uses_the_cache(store: Cache) -> None:
    """As long as one of the builds that share the cache runs, everything in it stays, however old it is."""
    store.produce("tree", "1234", INPUTS, fill)
    with store.in_use():
        with store.in_use():
            assert store.prune(seconds=0) is None
        assert store.prune(size=0) is None
        assert store.has("tree", "1234")
    assert store.prune(seconds=0)
    assert not store.has("tree", "1234")


def test_prune_keeps_the_cache_within_its_size(store: Cache) -> None:
    """Of objects and packages that are too many, the least recently used go, one after the other until they fit."""
    now = time.time()
    for age, key in enumerate(("used last", "before", "first")):
        record = store.produce("tree", key, INPUTS, lambda directory: fill(directory)) / "step.json"
        os.utime(record, (now - 100 * age, now - 100 * age))
    package = store.packages("trixie") / "vim_1_amd64.deb"
    package.write_bytes(bytes(1000))
    os.utime(package, (now - 150, now - 150))
    assert store.prune(size=1011) == 4
    assert not store.has("tree", "first")
    assert store.prune(size=1008) == 0
    assert store.prune(size=1007) == 1000
    assert not package.exists()
    assert store.prune(size=4) == 4
    assert store.has("tree", "used last")


def test_object_without_a_record_goes_first(store: Cache) -> None:
    """What has no readable record of its size is of no use: it counts as the oldest, with what it takes on the disk."""
    damaged = store.produce("tree", "damaged", INPUTS, fill)
    (damaged / "step.json").write_text("{")
    store.produce("tree", "1234", INPUTS, fill)
    assert store.prune(size=4) == 4 + 1
    assert not damaged.exists()
    assert store.has("tree", "1234")


def test_inputs_are_remembered(store: Cache) -> None:
    """The inputs of a recipe's last build come back, and a recipe that was never built has none."""
    assert store.last_inputs("kerrighed") == {}
    store.remember_inputs("kerrighed", {"tree": INPUTS})
    assert store.last_inputs("kerrighed") == {"tree": INPUTS}
    assert store.last_inputs("debian-nfsroot") == {}


def test_unreadable_memory_is_none(store: Cache) -> None:
    """A damaged record of the last inputs costs the reason for a miss and nothing else."""
    store.remember_inputs("kerrighed", {"tree": INPUTS})
    (store.root / "last/kerrighed.json").write_text("{")
    assert store.last_inputs("kerrighed") == {}


def test_pointer_names_the_present_object(store: Cache) -> None:
    """A pointer gives what was recorded last under its name and key."""
    assert store.pointer("archive", "1") is None
    store.set_pointer("archive", "1", "before")
    store.set_pointer("archive", "1", "now")
    assert store.pointer("archive", "1") == "now"
    assert store.pointer("archive", "2") is None


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left for the cache in"),
        (errno.EDQUOT, "no space left for the cache in"),
        (errno.EROFS, "cannot be written: Read-only file system"),
        (errno.EACCES, "cannot be written: Permission denied"),
        (errno.EIO, "failed: [Errno 5]"),
    ],
)
def test_refusals_of_the_file_system_are_explained(store: Cache, number: int, words: str) -> None:
    """A full, read-only or failing file system under the cache is said in one sentence with the cache's place."""

    def fail(_directory: Path) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(NfsrootError) as caught:
        store.produce("tree", "1234", INPUTS, fail)
    assert words in caught.value.brief
    assert str(store.root) in caught.value.brief
    assert list((store.root / "unfinished").iterdir()) == []


def test_a_file_in_the_caches_place(tmp_path: Path) -> None:
    """A cache directory that cannot be made is an error in words."""
    (tmp_path / "file").write_text("")
    with pytest.raises(NfsrootError, match=r"the cache in .* failed"):
        Cache(tmp_path / "file" / "cache").log("tree")


def test_reader_that_went_away_is_no_fault_of_the_cache(store: Cache) -> None:
    """A broken pipe under a step passes through as it is."""

    def fail(_directory: Path) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        store.produce("tree", "1234", INPUTS, fail)


@pytest.mark.parametrize("error", [NfsrootError("a step failed"), KeyboardInterrupt(), RuntimeError()])
def test_no_lock_outlives_a_failure(tmp_path: Path, error: BaseException) -> None:
    """Work that fails leaves neither its directory nor the lock on it."""
    cache = Cache(tmp_path)
    with pytest.raises(type(error)), cache.work("tree"):
        raise error
    assert list((tmp_path / "unfinished").iterdir()) == list((tmp_path / "locks").iterdir()) == []
