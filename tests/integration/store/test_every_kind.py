"""What every kind of store does alike."""

from __future__ import annotations

import contextlib
import hashlib
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from store_servers import Kind

from builder.parallel import crew
from builder.store.errors import (
    NotStoredError,
    OvertakenError,
    StoreError,
    TooLargeError,
    TransientError,
    UnsupportedError,
)
from builder.store.storage.interface import FileSlice, Storage, Text
from builder.store.transfer import retry

MIB = 1 << 20


class Torn:
    """Content that ends before its announced size."""

    def __init__(self, size: int) -> None:
        self.size = size

    def pieces(self) -> Iterator[bytes]:
        """Yield all but the last MiB."""
        for _ in range(self.size // MIB - 1):
            yield bytes(MIB)


class Unreadable(Torn):
    """Content whose disk fails at the end."""

    def pieces(self) -> Iterator[bytes]:
        """Yield all but the last MiB, and fail."""
        yield from super().pieces()
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("size", [0, 1, 100_000, 3 * MIB + 7, 40 * MIB + 1])
def test_objects_come_back(storage: Storage, tmp_path: Path, size: int) -> None:
    """Part of a file comes back byte for byte, from any offset on, in pieces of at most 1 MiB."""
    dice = random.Random(size)
    data = dice.randbytes(size)
    (tmp_path / "file").write_bytes(b"before" + data + b"behind")
    path = f"releases/kerrighed/1.0+b~{size}-c_d/{size:064x}.manifest.json"
    storage.put(path, FileSlice(tmp_path / "file", 6, size))
    assert storage.size(path) == size
    for start in (0, size, size + 1, *(dice.randrange(size + 1) for _ in range(3))):
        pieces = list(storage.stream(path, start))
        assert b"".join(pieces) == data[start:], f"from {start} on"
        assert all(len(piece) <= MIB for piece in pieces)
    assert storage.read(path, size) == data
    if size:
        with pytest.raises(TooLargeError):
            storage.read(path, size - 1)


def test_what_is_not_there(storage: Storage) -> None:
    """A store without the object says so by name; to remove it is no error."""
    assert storage.size("metadata/timestamp.json") is None
    with pytest.raises(NotStoredError, match=r"timestamp\.json") as caught:
        storage.read("metadata/timestamp.json", 10)
    assert storage.address in str(caught.value)
    with pytest.raises(NotStoredError):
        list(storage.stream("metadata/timestamp.json", 5))
    storage.delete("metadata/timestamp.json")


def test_objects_are_replaced_and_removed(storage: Storage) -> None:
    """The last object that was put under a path is there, until it is removed."""
    for content in (b"a longer first one", b"second", b""):
        storage.put("metadata/timestamp.json", Text(content))
        assert storage.read("metadata/timestamp.json", 100) == content
        assert storage.size("metadata/timestamp.json") == len(content)
    storage.put("metadata/1.root.json", Text(b"root"))
    storage.delete("metadata/timestamp.json")
    assert storage.size("metadata/timestamp.json") is None
    assert storage.read("metadata/1.root.json", 4) == b"root"


def test_sizes_of_many(storage: Storage) -> None:
    """The sizes of those objects that exist, of many at once."""
    dice = random.Random("many")
    contents = [dice.randbytes(dice.randrange(1000)) for _ in range(60)]
    sizes = {f"blobs/sha256/{hashlib.sha256(content).hexdigest()}": len(content) for content in contents}
    for path, content in zip(sizes, contents, strict=True):
        storage.put(path, Text(content))
    missing = [f"blobs/sha256/{dice.randbytes(32).hex()}" for _ in range(60)]
    asked = [*sizes, *missing]
    dice.shuffle(asked)
    assert storage.sizes(asked) == sizes
    assert storage.sizes([]) == {}


def test_list(kind: Kind, storage: Storage) -> None:
    """Every object below a prefix is listed, more than a server names in one answer."""
    if not kind.lists:
        with pytest.raises(UnsupportedError, match="list"):
            list(storage.list("releases/"))
        return
    assert list(storage.list("releases/")) == []
    contents = {f"releases/{number:064x}": str(number).zfill(4 + number % 7).encode() for number in range(1010)}
    sizes = {path: len(content) for path, content in contents.items()}
    with crew(8) as threads:
        puts = [threads.begin(partial(storage.put, path, Text(content))) for path, content in contents.items()]
        for done in puts:
            done()
    storage.put("releases.txt", Text(b"x"))
    storage.put("index.html", Text(b"page"))
    listed = list(storage.list("releases/"))
    assert {found.path: found.size for found in listed} == sizes
    assert len(listed) == len(sizes)
    assert all(found.modified > 1_700_000_000 for found in listed)
    assert sorted(found.path for found in storage.list(f"releases/{5:063x}")) == [
        f"releases/{number:064x}" for number in range(0x50, 0x60)
    ]
    assert len(list(storage.list(""))) == len(sizes) + 2


@pytest.mark.parametrize("size", [3 * MIB, 40 * MIB])
@pytest.mark.parametrize("content", [Torn, Unreadable])
def test_half_an_object_never_appears(storage: Storage, content: type[Torn], size: int) -> None:
    """Content that ends early, or cannot be read, leaves the object before it, or none."""
    storage.put("a", Text(b"before"))
    for path in ("a", "b"):
        with pytest.raises(StoreError) as caught:
            storage.put(path, content(size))
        assert isinstance(caught.value, TransientError) == (content is Torn)
    assert storage.read("a", 6) == b"before"
    assert storage.size("b") is None


CHILD = """
import sys, time
from builder.store.storage.access import Access
from builder.store.storage.open import open_storage

class Slow:
    size = {size}
    def pieces(self):
        for _ in range(self.size // {piece} - 1):
            yield bytes({piece})
        print("sending", flush=True)
        time.sleep(600)

open_storage({address!r}, Access(user={user!r}, secret={secret!r}, endpoint={endpoint!r})).put("a", Slow())
"""


@pytest.mark.parametrize("size", [4 * MIB, 40 * MIB])
def test_a_killed_publisher_leaves_no_half_object(kind: Kind, size: int) -> None:
    """A publisher that is killed (SIGKILL) in the middle of an object leaves the object before it."""
    storage = kind.open()
    storage.put("a", Text(b"before"))
    access = kind.access
    text = CHILD.format(
        size=size, piece=MIB, address=kind.address, user=access.user, secret=access.secret, endpoint=access.endpoint
    )
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as child:
        assert child.stdout and child.stdout.readline() == b"sending\n"
        assert storage.read("a", 6) == b"before"
        child.send_signal(signal.SIGKILL)
    assert storage.read("a", 6) == b"before"
    storage.put("a", Text(b"again"))
    assert storage.read("a", 6) == b"again"


def test_readers_see_whole_objects(kind: Kind) -> None:
    """Who reads an object while it is replaced gets one version or the other, or is told to try again."""
    versions = [bytes([65 + number]) * (number * 300_000 + 10) for number in range(3)]
    storage, reader = kind.open(), kind.open()
    storage.put("metadata/timestamp.json", Text(versions[0]))
    done = threading.Event()
    seen: list[bytes] = []

    def read() -> None:
        while not done.is_set():
            with contextlib.suppress(TransientError):  # of a server that breaks off what has been replaced
                seen.append(reader.read("metadata/timestamp.json", MIB))

    with crew(2) as threads:
        readers = [threads.begin(read) for _ in range(2)]
        try:
            for number in range(30):
                storage.put("metadata/timestamp.json", Text(versions[number % 3]))
        finally:
            done.set()
        for finished in readers:
            finished()
    assert seen
    assert storage.read("metadata/timestamp.json", MIB) == versions[2]
    if kind.replaces_whole:
        assert all(content in versions for content in seen), sorted({(content[:1], len(content)) for content in seen})


def open_to_swap(kind: Kind) -> Storage:
    """The store, after it was found out whether it swaps safely: rclone answers 500 at times to writers that race."""
    storage = kind.open()
    retry(lambda: storage.swaps_safely)
    return storage


def test_swap(kind: Kind) -> None:
    """An object is replaced only where it holds what its publisher saw."""
    storage, other = open_to_swap(kind), open_to_swap(kind)
    storage.swap("metadata/timestamp.json", b"1", None)
    for seen, content in ((None, b"x"), (b"0", b"x")):
        with pytest.raises(OvertakenError, match=r"another publisher changed metadata/timestamp\.json"):
            other.swap("metadata/timestamp.json", content, seen)
    other.swap("metadata/timestamp.json", b"2", b"1")
    with pytest.raises(OvertakenError):
        storage.swap("metadata/timestamp.json", b"3", b"1")
    with pytest.raises(OvertakenError):
        storage.swap("metadata/missing.json", b"3", b"1")
    assert storage.read("metadata/timestamp.json", 1) == b"2"
    assert storage.size("metadata/missing.json") is None


def test_a_swap_whose_answer_was_lost(kind: Kind) -> None:
    """A publisher that tries again what has been done already succeeds where the server compares, else learns of it."""
    storage = open_to_swap(kind)
    storage.swap("metadata/timestamp.json", b"1", None)
    storage.swap("metadata/timestamp.json", b"2", b"1")
    with contextlib.suppress(OvertakenError):
        storage.swap("metadata/timestamp.json", b"2", b"1")
    assert storage.read("metadata/timestamp.json", 1) == b"2"


def test_publishers_take_turns_where_the_store_says_so(kind: Kind) -> None:
    """Four publishers that each add one to a number lose none, in a store that swaps safely."""
    assert open_to_swap(kind).swaps_safely == kind.swaps_safely
    if not kind.swaps_safely:
        return

    def add(name: int) -> None:
        mine = kind.open()
        for _ in range(3):
            while True:
                with mine.exclusive():
                    before = mine.read("n", 20)
                    try:
                        mine.swap("n", b"%d by %d" % (int(before.split()[0]) + 1, name), before)
                        break
                    except OvertakenError:
                        continue

    kind.open().put("n", Text(b"0 by nobody"))
    with crew(4) as threads:
        for done in [threads.begin(partial(add, name)) for name in range(4)]:
            done()
    assert kind.open().read("n", 20).split()[0] == b"12"


MEMORY = """
import hashlib, re
from builder.store.storage.access import Access
from builder.store.storage.open import open_storage

class Large:
    size = 400 << 20
    def pieces(self):
        for number in range(400):
            yield bytes([number % 256]) * (1 << 20)

store = open_storage({address!r}, Access(user={user!r}, secret={secret!r}, endpoint={endpoint!r}))
store.put("large", Large())
sent, came = hashlib.sha256(), hashlib.sha256()
for piece in Large().pieces():
    sent.update(piece)
for piece in store.stream("large", 0):
    came.update(piece)
assert sent.digest() == came.digest()
store.delete("large")
print(re.search("VmHWM:\\s+([0-9]+) kB", open("/proc/self/status").read())[1])
"""


def test_memory_is_bounded(kind: Kind) -> None:
    """An object of 400 MiB goes to the store and back in less than 200 MB of memory."""
    access = kind.access
    text = MEMORY.format(address=kind.address, user=access.user, secret=access.secret, endpoint=access.endpoint)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 < 200e6
