"""A store in a directory."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.errors import InputError
from builder.store.errors import NotStoredError, OvertakenError, StoreFullError, TooLargeError, TransientError
from builder.store.storage import unfinished
from builder.store.storage.directory import DirectoryStorage
from builder.store.storage.interface import FileSlice, Text
from builder.store.storage.open import open_storage
from builder.store.storage.unfinished import UNFINISHED


class Torn:
    """Content that ends before its announced size."""

    size = 10

    def pieces(self) -> Iterator[bytes]:
        yield b"12345"


class Broken(Torn):
    """Content whose source fails halfway."""

    def pieces(self) -> Iterator[bytes]:
        yield b"12345"
        raise TransientError("the cable was pulled")


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryStorage:
    """An empty store."""
    return DirectoryStorage(tmp_path / "store")


def test_objects_come_back(storage: DirectoryStorage, tmp_path: Path) -> None:
    """An object that was put is there with its size and its bytes, from any offset on."""
    (tmp_path / "file").write_bytes(bytes(range(256)) * 10_000)
    storage.put("blobs/sha256/aa", FileSlice(tmp_path / "file", 256, 2_000_000))
    assert storage.size("blobs/sha256/aa") == 2_000_000
    assert storage.read("blobs/sha256/aa", 2_000_000) == (bytes(range(256)) * 10_000)[256:2_000_256]
    assert b"".join(storage.stream("blobs/sha256/aa", 1_999_999)) == bytes([(256 + 1_999_999) % 256])
    assert [(found.path, found.size) for found in storage.list("blobs/")] == [("blobs/sha256/aa", 2_000_000)]


def test_what_is_not_there(storage: DirectoryStorage) -> None:
    """A store without the object says so, and a store without a directory is an empty one."""
    assert storage.size("metadata/timestamp.json") is None
    assert list(storage.list("blobs/")) == []
    with pytest.raises(NotStoredError, match=r"holds no metadata/timestamp\.json"):
        storage.read("metadata/timestamp.json", 10)
    storage.delete("metadata/timestamp.json")


@pytest.mark.parametrize("content", [Torn(), Broken()])
def test_half_an_object_never_appears(storage: DirectoryStorage, content: Torn) -> None:
    """Content that ends early leaves the object before it, and no other file."""
    storage.put("a", Text(b"before"))
    with pytest.raises(TransientError):
        storage.put("a", content)
    assert storage.read("a", 10) == b"before"
    assert [path.name for path in storage.root.iterdir()] == ["a"]


def test_objects_together_are_on_the_disk_before_they_appear(
    storage: DirectoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No object has its name before the bytes of all are on the disk; the names are on the disk when the block ends."""
    done: list[str] = []
    rename, fsync = Path.rename, os.fsync

    def note_rename(path: Path, target: Path) -> Path:
        done.append(f"rename {target.name}")
        return rename(path, target)

    def note_fsync(handle: int) -> None:
        done.append(f"fsync {'directory' if stat.S_ISDIR(os.fstat(handle).st_mode) else os.fstat(handle).st_size}")
        fsync(handle)

    (storage.root / "blobs").mkdir(parents=True)
    monkeypatch.setattr(Path, "rename", note_rename)
    monkeypatch.setattr(os, "fsync", note_fsync)
    with storage.together() as put:
        for size in (1, 2):
            put(f"blobs/{size}", Text(bytes(size)))
        assert list(storage.list("")) == []
    assert done == ["fsync 1", "fsync 2", "rename 1", "rename 2", "fsync directory"]
    assert {(found.path, found.size) for found in storage.list("")} == {("blobs/1", 1), ("blobs/2", 2)}


@pytest.mark.parametrize("limit", ["MOST_BYTES", "MOST_FILES"])
def test_many_objects_together_come_by_and_by(
    storage: DirectoryStorage, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects do not wait for the end of the block when they are many or large: a killed publisher loses few."""
    monkeypatch.setattr(unfinished, limit, 3)
    with storage.together() as put:
        appeared = []
        for name in "abcd":
            put(name, Text(b"1"))
            appeared.append(len(list(storage.list(""))))
    assert appeared == [0, 0, 3, 3]
    assert len(list(storage.list(""))) == 4


@pytest.mark.parametrize("content", [Torn(), Broken()])
def test_objects_before_a_failure_stay(storage: DirectoryStorage, content: Torn) -> None:
    """When an object fails, those that were written together with it are in the store, and no other file is."""
    with pytest.raises(TransientError), storage.together() as put:
        put("a", Text(b"1"))
        put("b", content)
    assert [path.name for path in storage.root.iterdir()] == ["a"]


def test_object_that_the_disk_refuses_late(storage: DirectoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full only when the bytes come to it (fsync(2)) leaves neither an object nor another file."""

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    storage.root.mkdir()
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreFullError, match=r"a in .*: No space left"), storage.together() as put:
        put("a", Text(b"1"))
        put("b", Text(b"2"))
    assert list(storage.root.iterdir()) == []


def test_read_is_bounded(storage: DirectoryStorage) -> None:
    """A reader never takes more bytes than it allows."""
    storage.put("a", Text(bytes(11)))
    with pytest.raises(TooLargeError):
        storage.read("a", 10)


def test_swap(storage: DirectoryStorage) -> None:
    """An object is replaced only where it holds what its writer saw, also inside a block that is exclusive."""
    storage.swap("a", b"1", None)
    with storage.exclusive():
        storage.swap("a", b"2", b"1")
    for seen in (None, b"1"):
        with pytest.raises(OvertakenError):
            storage.swap("a", b"3", seen)
    assert storage.read("a", 1) == b"2"


def test_publishers_take_turns(storage: DirectoryStorage) -> None:
    """Eight publishers that each add one to a number lose none, with a storage each as in processes of their own."""

    def add() -> None:
        mine = DirectoryStorage(storage.root)
        for _ in range(5):
            with mine.exclusive():
                before = mine.read("n", 10)
                mine.swap("n", str(int(before) + 1).encode(), before)

    storage.put("n", Text(b"0"))
    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert storage.read("n", 10) == b"40"


def test_unfinished_files_go(storage: DirectoryStorage) -> None:
    """What a killed publisher left is no object, and goes when it is old."""
    storage.put("blobs/a", Text(b"1"))
    left = storage.root / "blobs" / f"{UNFINISHED}0"
    left.write_bytes(b"half")
    assert [found.path for found in storage.list("")] == ["blobs/a"]
    storage.remove_unfinished(left.stat().st_mtime)
    assert left.exists()
    storage.remove_unfinished(left.stat().st_mtime + 1)
    assert not left.exists()


def test_addresses(tmp_path: Path) -> None:
    """A path and a file URL name the same directory; an unknown scheme is said with those that there are."""
    by_path, by_url = open_storage(str(tmp_path / "a b")), open_storage(f"file://{tmp_path}/a%20b")
    assert by_path.address == by_url.address == str(tmp_path / "a b")
    with pytest.raises(InputError, match="gopher:// is no kind of store"):
        open_storage("gopher://store.example/")
    with pytest.raises(InputError, match=r"the address https://store\.example/a was given") as caught:
        open_storage("https://ann:hidden@store.example/a")
    assert "hidden" not in str(caught.value)
    assert open_storage("https://store.example/a/").address == "https://store.example/a"
    for wrong in (
        "https://", "https:///nfsroot", "http://a:b/c", "http://[::1/", "http://a:99999/", "http://a:0/", "https://a/b?c=d",
        "https://a b/", "https://a/b c", "https://a/../b", "s3://b/%2e%2e/c", "s3://b/c//d", "s3://b/ü", "s3://b/c#d",
    ):  # fmt: skip
        with pytest.raises(InputError, match="is no address of a server"):
            open_storage(wrong)
    assert open_storage("http://[::1]:8080/a/b/").address == "http://[::1]:8080/a/b"
