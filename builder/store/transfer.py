"""Moves blobs between files and stores: several at once, within a rate, verified, with retries for network failures."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeVar

from builder.disk import begin_sync
from builder.errors import NfsrootError
from builder.events import Emit, StepFinished, StepStarted, Transferred
from builder.parallel import crew
from builder.store import layout
from builder.store.errors import StoreError, TransientError, UntrustedError
from builder.store.storage.interface import Blob, Content, Storage

AT_ONCE = 4
"""The number of transfers at once."""

WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each further try; after the last try the failure counts."""

SECONDS_BETWEEN_REPORTS = 0.2

Result = TypeVar("Result")


class Sent(NamedTuple):
    """A blob to send, and the content that has its bytes."""

    blob: Blob
    content: Content


class Received(NamedTuple):
    """A blob to receive, and the place for its bytes: a file that is open for writing, and the offset in the file."""

    blob: Blob
    file: int
    offset: int


class Limit:
    """A rate in bytes per second that several threads share; None is no limit."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._free_at = 0.0

    def take(self, count: int) -> float:
        """The seconds that `count` bytes have to wait before they go."""
        if self._rate is None:
            return 0.0
        with self._lock:
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + count / self._rate
            return self._free_at - now


@dataclass
class Progress:
    """Reports how many of the `total` bytes of the step `step` have been moved."""

    step: str
    total: int
    emit: Emit
    done: int = 0
    _began: float = field(default_factory=time.monotonic)
    _told: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """End running transfers at their next piece: another transfer has failed, or somebody has pressed Ctrl-C."""
        self._stopped.set()

    def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until the transfers are stopped."""
        if seconds:
            self._stopped.wait(seconds)

    def add(self, count: int) -> None:
        """Count bytes that have been moved; a negative number is for bytes that have to be moved once more.

        :raises StoreError: the transfers were stopped.
        """
        if self._stopped.is_set() and count > 0:
            raise StoreError(f"{self.step} was stopped")
        with self._lock:
            self.done += count
            now = time.monotonic()
            if now - self._told < SECONDS_BETWEEN_REPORTS:
                return
            self._told = now
        self.emit(Transferred(self.step, self.done, self.total, now - self._began))


@dataclass(frozen=True)
class Transfers:
    """Moves blobs between files and stores, within the rate `limit` for all transfers; events go to `emit`."""

    emit: Emit
    limit: Limit = field(default_factory=lambda: Limit(None))

    def send(self, storage: Storage, blobs: Sequence[Sent], step: str = "upload") -> None:
        """Put blobs into a store, each verified before its last byte leaves.

        :raises NfsrootError: a blob's bytes are not those that its digest names.
        """
        with self._progress(step, sum(sent.blob.size for sent in blobs)) as progress, storage.together() as put:

            def send(sent: Sent) -> None:
                verified = _Verified(sent, self.limit, progress)
                retry(lambda: put(layout.blob(sent.blob.sha256), verified))

            run_each(send, blobs, progress.stop)

    def receive(self, storage: Storage, blobs: Sequence[Received], step: str = "download") -> None:
        """Write blobs of a store into files, each verified.

        :raises UntrustedError: the store holds other bytes under a blob's digest.
        """
        with self._progress(step, sum(received.blob.size for received in blobs)) as progress:
            run_each(lambda received: _receive(storage, received, self.limit, progress), blobs, progress.stop)

    @contextlib.contextmanager
    def _progress(self, step: str, total: int) -> Iterator[Progress]:
        """Emit the events of a step's begin and end, unless the step has no bytes to move."""
        began = time.monotonic()
        if total:
            self.emit(StepStarted(step, f"{total} bytes"))
        yield Progress(step, total, self.emit)
        if total:
            self.emit(StepFinished(step, time.monotonic() - began))


Item = TypeVar("Item")


def find_missing(storage: Storage, blobs: Sequence[Blob]) -> list[Blob]:
    """The blobs among `blobs`, in their order, that a store does not hold in full."""
    held = retry(lambda: storage.sizes([layout.blob(blob.sha256) for blob in blobs]))
    return [blob for blob in blobs if held.get(layout.blob(blob.sha256)) != blob.size]


def run_each(
    do: Callable[[Item], Result],
    items: Sequence[Item],
    stop: Callable[[], None] = lambda: None,
) -> list[Result]:
    """The results of `do` for each item; AT_ONCE calls run beside each other.

    After a failure no further call begins, and `stop` is called to end the calls that are running.
    """
    with crew(AT_ONCE) as threads:
        waiting = [threads.begin(partial(do, item)) for item in items]
        try:
            return [wait() for wait in waiting]
        except BaseException:
            stop()
            raise


def retry(do: Callable[[], Result]) -> Result:
    """The result of `do`, which is called again after a pause when it raises TransientError."""
    for wait in WAITS:
        try:
            return do()
        except TransientError:
            time.sleep(wait)
    return do()


@dataclass(frozen=True)
class _Verified:
    """Content that raises an error in place of its last piece when its digest is not the one that its blob names."""

    sent: Sent
    limit: Limit
    progress: Progress

    @property
    def size(self) -> int:
        return self.sent.blob.size

    def pieces(self) -> Iterator[bytes]:
        digest, held, gone = hashlib.sha256(), b"", 0
        finished = False
        try:
            for piece in self.sent.content.pieces():
                digest.update(piece)
                if held:
                    yield held
                self.progress.wait(self.limit.take(len(piece)))
                gone += len(piece)
                self.progress.add(len(piece))
                held = piece
            if digest.hexdigest() != self.sent.blob.sha256:
                raise NfsrootError(
                    f"{self.sent.content} has not the SHA-256 that the manifest names: {self.sent.blob.sha256}",
                    resolution="The release was changed or is damaged: build it anew.",
                )
            finished = True
            yield held
        finally:
            if not finished:
                self.progress.add(-gone)


def _receive(storage: Storage, received: Received, limit: Limit, progress: Progress) -> None:
    blob = received.blob
    digest = hashlib.sha256()
    gone = 0

    def go_on() -> None:
        nonlocal gone
        for piece in storage.stream(layout.blob(blob.sha256), gone):
            progress.wait(limit.take(len(piece)))
            if gone + len(piece) > blob.size:
                raise _damaged(storage, blob, "it has more bytes")
            os.pwrite(received.file, piece, received.offset + gone)
            digest.update(piece)
            gone += len(piece)
            progress.add(len(piece))
        if gone < blob.size:
            raise TransientError(f"{layout.blob(blob.sha256)} from {storage.address} ended after {gone} bytes")

    retry(go_on)
    begin_sync(received.file, received.offset, blob.size)
    if digest.hexdigest() != blob.sha256:
        raise _damaged(storage, blob, "its bytes have another digest")


def _damaged(storage: Storage, blob: Blob, why: str) -> UntrustedError:
    return UntrustedError(
        f"{layout.blob(blob.sha256)} in {storage.address} is damaged: {why}",
        resolution="Have the publisher run `nfsroot store check`, and publish what it names with --repair.",
    )
