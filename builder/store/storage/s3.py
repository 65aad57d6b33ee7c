"""A store in a bucket of an S3 server, of AWS or of any server with the same protocol."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import GenericError

from builder.store.errors import NotStoredError, OvertakenError, StoreError
from builder.store.storage.access import ANONYMOUS, Access
from builder.store.storage.aws import find_server
from builder.store.storage.interface import PIECE, Blob, Content, Storage, Stored, checked_pieces
from builder.store.storage.many import ask_side_by_side
from builder.store.storage.media import media_type, refuse_page
from builder.store.storage.s3_client import DOWNLOAD_SECONDS, SILENT_SECONDS, UPLOAD_SECONDS, open_bucket
from builder.store.storage.s3_errors import translate_errors
from builder.store.storage.s3_probe import honours_conditions

if TYPE_CHECKING:
    from builder.store.storage.s3_probe import Condition

WHOLE = 16 << 20
"""The most bytes of an object that is sent in one request, from memory; others are sent in parts of half this size."""


class S3Storage(Storage):
    """A store below a prefix in a bucket: s3://BUCKET/PREFIX."""

    def __init__(self, address: str, access: Access = ANONYMOUS, silent: float = SILENT_SECONDS) -> None:
        self.address = address.rstrip("/")
        server = find_server(access)
        self._reads = open_bucket(self.address, server, access.ca_file, silent, DOWNLOAD_SECONDS)
        self._writes = open_bucket(self.address, server, access.ca_file, UPLOAD_SECONDS, UPLOAD_SECONDS)

    @cached_property
    def swaps_safely(self) -> bool:
        """Whether the server obeys conditions on writes, also when writers race; the server is tested once.

        :raises PermissionRefusedError: this user may not write.
        :raises TransientError: the server failed; the next call tests it again.
        """
        return honours_conditions(self._writes, self.address)

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """Yield the object from the offset `start` on, also where the server knows no ranges and sends all of it."""
        with translate_errors(path, self.address):
            answer, skip = self._answer(path, start)
            refuse_page(str(answer.attributes.get("Content-Type", "")), path, self.address)
            for chunk in answer.stream(min_chunk_size=PIECE // 2):
                view = memoryview(chunk)[skip:]
                skip = max(0, skip - len(chunk))
                for at in range(0, len(view), PIECE):
                    yield bytes(view[at : at + PIECE])

    def _answer(self, path: str, start: int) -> tuple[obstore.GetResult, int]:
        """The object from `start` on, or all of it, and the number of its bytes that come before `start`."""
        if start:
            try:
                return obstore.get(self._reads, path, options={"range": {"offset": start}}), 0
            except GenericError:
                pass  # the offset is behind the end, or the server sends all; any other failure happens again
        return obstore.get(self._reads, path), start

    def size(self, path: str) -> int | None:
        """The size of the object in bytes; None when there is no such object."""
        try:
            with translate_errors(path, self.address):
                return obstore.head(self._reads, path)["size"]
        except NotStoredError:
            return None

    def sizes(self, paths: Iterable[str]) -> dict[str, int]:
        """The sizes in bytes of those objects among `paths` that exist, asked for side by side."""
        return ask_side_by_side(self.size, paths)

    def put(self, path: str, content: Content, keeps: Sequence[Blob] = ()) -> None:  # noqa: ARG002
        """Send the object: in one request, or in parts that become an object when all are there."""
        whole = content.size <= WHOLE
        source = _Source(content, path)
        try:
            with translate_errors(path, self.address):
                obstore.put(
                    self._writes,
                    path,
                    iter(source),
                    attributes={"Content-Type": media_type(path)},
                    use_multipart=not whole,
                    chunk_size=WHOLE // 2,
                    max_concurrency=2,
                )
        except StoreError as error:
            if source.failure and source.failure is not error:
                raise source.failure from error  # of both errors, the library raises that of the abandoned upload
            raise

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield every object whose path begins with `prefix`."""
        with translate_errors(prefix, self.address):
            for chunk in obstore.list(self._reads, prefix.rpartition("/")[0] or None):
                for found in chunk:
                    if found["path"].startswith(prefix):
                        yield Stored(found["path"], found["size"], found["last_modified"].timestamp())

    def delete(self, path: str) -> None:
        """Remove the object; one that is not there is no error."""
        try:
            with translate_errors(path, self.address):
                obstore.delete(self._writes, path)
        except NotStoredError:
            return

    def swap(self, path: str, content: bytes, before: bytes | None) -> None:
        """Replace the object in one step where the server can compare and write, else in three."""
        if not self.swaps_safely:
            super().swap(path, content, before)
            return
        try:
            with translate_errors(path, self.address):
                condition: Condition = "create" if before is None else self._version(path, before)
                obstore.put(self._writes, path, content, mode=condition, attributes={"Content-Type": media_type(path)})
        except (OvertakenError, NotStoredError):
            self._expect(path, content)  # an earlier try of ours, whose answer was lost, may have written this

    def _version(self, path: str, before: bytes) -> obstore.UpdateVersion:
        """The version of the object (RFC 9110 section 8.8.3), which must hold `before`."""
        answer = obstore.get(self._reads, path)
        if bytes(answer.bytes()) != before:
            raise self.overtaken_error(path)
        return {"e_tag": answer.meta["e_tag"]}


class _Source:
    """The bytes of the content for the object `path`, and the error that ended reading them."""

    def __init__(self, content: Content, path: str) -> None:
        self._content = content
        self._path = path
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most 1 MiB."""
        try:
            yield from checked_pieces(self._content, self._path)
        except Exception as error:
            self.failure = error
            raise
