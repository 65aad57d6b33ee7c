"""The interface of all kinds of store: objects under paths, which are written whole or not at all."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from builder.store.errors import OvertakenError, StoreError, TooLargeError, TransientError, UnsupportedError

PIECE = 1 << 20
"""Bytes that are read or sent in one go, at most."""


class Blob(NamedTuple):
    """A blob of a store: its SHA-256 in hexadecimal digits, and its size in bytes."""

    sha256: str
    size: int


class Stored(NamedTuple):
    """An object in a store: its path, its size in bytes, and its last change in seconds since 1970 (UTC)."""

    path: str
    size: int
    modified: float


class Content(Protocol):
    """The bytes of an object that is to be put into a store."""

    @property
    def size(self) -> int:
        """The number of bytes."""

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes, from the first one on at each call, in pieces of at most 1 MiB."""


@dataclass(frozen=True)
class Text:
    """Content that is in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """The number of bytes."""
        return len(self.data)

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most 1 MiB."""
        for start in range(0, len(self.data), PIECE):
            yield self.data[start : start + PIECE]


@dataclass(frozen=True)
class FileSlice:
    """Content that is part of a file: `size` bytes from the offset `start` on."""

    file: Path
    start: int
    size: int

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most 1 MiB; fewer than `size` when the file is shorter."""
        left = self.size
        with self.file.open("rb") as source:
            source.seek(self.start)
            while left and (piece := source.read(min(PIECE, left))):
                left -= len(piece)
                yield piece


def checked_pieces(content: Content, path: str) -> Iterator[bytes]:
    """Yield the bytes of the content for the object `path`, and check that there are as many as announced.

    :raises TransientError: there are fewer or more bytes.
    :raises StoreError: the content cannot be read.
    """
    sent = 0
    try:
        for piece in content.pieces():
            sent += len(piece)
            yield piece
    except OSError as error:  # whoever sends the bytes would take this for an error of the connection
        raise StoreError(f"the content of {path} cannot be read: {error.strerror}") from error
    if sent != content.size:
        raise TransientError(f"the content of {path} has {sent} bytes in place of {content.size}")


class Put(Protocol):
    """A function that writes an object into a store, as `Storage.put` does."""

    def __call__(self, path: str, content: Content, keeps: Sequence[Blob] = ()) -> None:
        """Write the object."""


class Storage(ABC):
    """One store, at `address`, which holds no password and can be shown.

    Paths are relative, made of letters, digits, `.`, `_`, `-`, `+`, `~` and `/`, and have no component `.` or `..`.
    Every method may raise TransientError, PermissionRefusedError or StoreError; none of them tries again by itself.
    Several threads may call methods of one storage at once.
    """

    address: str

    @property
    def swaps_safely(self) -> bool:
        """Whether `swap` is atomic, so that two publishers at once cannot undo each other's work."""
        return False

    @property
    def serves_pages(self) -> bool:
        """Whether web browsers can read objects of this kind of store, so that publishers write pages into it."""
        return True

    @property
    def lists(self) -> bool:
        """Whether `list` works for this kind of store."""
        return True

    @property
    def holds_images(self) -> bool:
        """Whether publishers push the root of each release as an image into this kind of store, too."""
        return False

    @abstractmethod
    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """Yield the object from the offset `start` on, in pieces of at most 1 MiB.

        A connection that ends before the announced length raises TransientError.

        :raises NotStoredError: there is no such object.
        """

    @abstractmethod
    def size(self, path: str) -> int | None:
        """The size of the object in bytes; None when there is no such object."""

    @abstractmethod
    def put(self, path: str, content: Content, keeps: Sequence[Blob] = ()) -> None:
        """Write the object; readers see the old object or the new one, never a part.

        `keeps` names the blobs that the object refers to, for a registry that removes blobs without a reference.

        :raises StoreFullError: there is no room.
        :raises UnsupportedError: this kind of store cannot be written.
        """

    @contextlib.contextmanager
    def together(self) -> Iterator[Put]:
        """Give the block a function like `put` for many objects, which are all in the store when the block has ended.

        Kinds of store that bring many objects to the disk in less time than one after the other override this method.
        """
        yield self.put

    @abstractmethod
    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield every object whose path begins with `prefix`, in any order.

        :raises UnsupportedError: this kind of store cannot list its objects.
        """

    @abstractmethod
    def delete(self, path: str) -> None:
        """Remove the object; one that is not there is no error."""

    def read(self, path: str, most: int) -> bytes:
        """The bytes of the whole object.

        :raises TooLargeError: the object has more than `most` bytes.
        :raises NotStoredError: there is no such object.
        """
        read = bytearray()
        for piece in self.stream(path):
            read += piece
            if len(read) > most:
                raise TooLargeError(f"{path} in {self.address} has more than {most} bytes")
        return bytes(read)

    def swap(self, path: str, content: bytes, before: bytes | None) -> None:
        """Replace the small object at `path`, which is expected to hold `before` (None: not to exist).

        Kinds of store that can compare and write in one step override this method; here they are three steps.

        :raises OvertakenError: the object holds something else.
        """
        self._expect(path, before)
        self.put(path, Text(content))
        self._expect(path, content)

    def _expect(self, path: str, expected: bytes | None) -> None:
        held = None if self.size(path) is None else self.read(path, 1 << 24)
        if held != expected:
            raise self.overtaken_error(path)

    def others_can_read(self) -> bool:
        """Whether other people than the publisher may be able to read the store; true where that is unknown."""
        return True

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other publishers out during the block, where this kind of store can."""
        yield

    def sizes(self, paths: Iterable[str]) -> dict[str, int]:
        """The sizes in bytes of those objects among `paths` that exist, by path.

        Kinds of store that can ask many things at once, or list faster than they ask, override this method.
        """
        found = {path: self.size(path) for path in paths}
        return {path: size for path, size in found.items() if size is not None}

    def overtaken_error(self, path: str) -> OvertakenError:
        """An error that says that the object holds something else than its publisher expects."""
        return OvertakenError(
            f"another publisher changed {path} in {self.address} meanwhile", resolution="Run the command again."
        )

    def unsupported_error(self, what: str) -> UnsupportedError:
        """An error that says that this kind of store cannot do `what`."""
        return UnsupportedError(f"{self.address} cannot {what}")
