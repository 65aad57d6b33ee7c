"""Transfers: several at once, within a rate, again where the network fails, and to an end when one of them fails."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from builder.errors import NfsrootError
from builder.events import Event, StepFinished, StepStarted, Transferred
from builder.store import transfer
from builder.store.errors import StoreError, StoreFullError, TransientError, UntrustedError
from builder.store.storage.directory import DirectoryStorage
from builder.store.storage.interface import Blob, Content, Text
from builder.store.transfer import Limit, Progress, Received, Sent, Transfers, retry, run_each


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further tries follow at once."""
    monkeypatch.setattr(transfer, "WAITS", (0, 0, 0))


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryStorage:
    """An empty store."""
    return DirectoryStorage(tmp_path / "store")


def blob_of(data: bytes) -> Blob:
    """The digest and the size of bytes."""
    return Blob(hashlib.sha256(data).hexdigest(), len(data))


def sent(data: bytes) -> Sent:
    """Bytes that are to be put into a store."""
    return Sent(blob_of(data), Text(data))


def test_progress_is_told(storage: DirectoryStorage) -> None:
    """A step tells its begin, the bytes that have gone, and its end; nothing to do is no step."""
    told: list[Event] = []
    Transfers(told.append).send(storage, [sent(bytes([at]) * 100_000) for at in range(20)])
    assert isinstance(told[0], StepStarted)
    assert isinstance(told[-1], StepFinished)
    gone = [event for event in told if isinstance(event, Transferred)]
    assert gone[0].total == 2_000_000
    assert all(event.done <= event.total for event in gone)
    told.clear()
    Transfers(told.append).send(storage, [])
    assert told == []


def test_again_after_what_may_pass() -> None:
    """What may pass is tried again, a few times; what does not pass is told at once."""
    tries: list[type[Exception]] = []

    def fail(times: int, kind: type[Exception]) -> str:
        if len(tries) < times:
            tries.append(kind)
            raise kind("no")
        return "done"

    assert retry(lambda: fail(3, TransientError)) == "done"
    tries.clear()
    with pytest.raises(TransientError):
        retry(lambda: fail(9, TransientError))
    assert len(tries) == 4
    tries.clear()
    with pytest.raises(StoreFullError):
        retry(lambda: fail(9, StoreFullError))
    assert len(tries) == 1


def test_a_download_goes_on_where_it_broke_off(
    storage: DirectoryStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a broken connection the rest is asked for, not the whole."""
    data = os.urandom(3 << 20)
    Transfers(lambda _: None).send(storage, [sent(data)])
    asked: list[int] = []
    stream = storage.stream

    def breaking(path: str, start: int = 0) -> Iterator[bytes]:
        asked.append(start)
        yield next(iter(stream(path, start)))
        if start < 2 << 20:
            raise TransientError("the cable was pulled")

    monkeypatch.setattr(storage, "stream", breaking)
    with (tmp_path / "file").open("w+b") as file:
        Transfers(lambda _: None).receive(storage, [Received(blob_of(data), file.fileno(), 0)])
    assert (tmp_path / "file").read_bytes() == data
    assert asked == [0, 1 << 20, 2 << 20]


def test_wrong_bytes_do_not_leave(storage: DirectoryStorage) -> None:
    """Bytes that are not those of the digest are told before the last of them has left, and are not stored."""
    wrong = Sent(blob_of(b"right"), Text(b"wrong"))
    with pytest.raises(NfsrootError, match="has not the SHA-256"):
        Transfers(lambda _: None).send(storage, [wrong])
    assert list(storage.list("")) == []


def test_wrong_bytes_do_not_arrive(storage: DirectoryStorage, tmp_path: Path) -> None:
    """A store that holds other bytes under a digest is not believed."""
    blob = blob_of(b"right")
    storage.put(f"blobs/sha256/{blob.sha256}", Text(b"wrong"))
    with (tmp_path / "file").open("w+b") as file, pytest.raises(UntrustedError, match="another digest"):
        Transfers(lambda _: None).receive(storage, [Received(blob, file.fileno(), 0)])


def test_one_failure_ends_the_others(storage: DirectoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """When one transfer fails, those that go on end soon, and those that wait never begin."""
    begun = threading.Event()
    read: list[int] = []

    class Endless:
        size = 1 << 40

        def pieces(self) -> Iterator[bytes]:
            while True:
                begun.set()
                read.append(1)
                time.sleep(0.001)
                yield b"x"

    def put(path: str, content: Content, keeps: object = ()) -> None:
        if content.size == 1:
            begun.wait()
            raise StoreFullError("no room")
        for _ in content.pieces():
            pass

    monkeypatch.setattr(storage, "together", lambda: nullcontext(put))
    endless = Sent(Blob("0" * 64, 1 << 40), Endless())
    with pytest.raises(StoreFullError):
        Transfers(lambda _: None).send(storage, [sent(b"1"), endless, endless])
    count = len(read)
    time.sleep(0.05)
    assert len(read) == count


def test_limit_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that take bytes at once wait for each other: together they get the rate and no more."""
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    limit = Limit(1000)
    assert [limit.take(500) for _ in range(4)] == [0.5, 1.0, 1.5, 2.0]
    assert Limit(None).take(1 << 40) == 0.0


def test_a_slow_transfer_that_is_stopped_waits_no_longer() -> None:
    """A limit of a byte a second keeps nobody waiting after another transfer has failed."""
    progress = Progress("upload", 100, lambda _event: None)
    threading.Timer(0.1, progress.stop).start()
    began = time.monotonic()
    progress.wait(10_000)
    assert 0.1 <= time.monotonic() - began < 60
    with pytest.raises(StoreError, match="upload was stopped"):
        progress.add(1)


def test_results_come_in_order() -> None:
    """Results stand in the order of the items, whichever came first."""
    assert run_each(lambda number: number * 2, list(range(50))) == [number * 2 for number in range(50)]
