"""A store behind a web server: any server for readers, and one that takes files by PUT for publishers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from builder.store.errors import StoreError
from builder.store.storage.access import ANONYMOUS, Access
from builder.store.storage.answers import MISSING, UNKNOWN_METHOD, explain_status
from builder.store.storage.connections import SILENT_SECONDS, Answer, Connections
from builder.store.storage.interface import Blob, Content, Storage, Stored, checked_pieces
from builder.store.storage.many import ask_side_by_side
from builder.store.storage.media import media_type, refuse_page


class HttpStorage(Storage):
    """A store at the URL `address`, whose scheme is http or https.

    A web server promises no order between two publishers, so `swap` reads back what it wrote.
    """

    lists = False

    def __init__(self, address: str, access: Access = ANONYMOUS, silent: float = SILENT_SECONDS) -> None:
        self.address = address.rstrip("/")
        self._access = access
        self._connections = Connections(access, silent)

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """Yield the object from the offset `start` on, also where the server knows no ranges and sends all of it."""
        wanted = {"Range": f"bytes={start}-"} if start else {}
        with self._answer("GET", path, headers=wanted) as answer:
            if start and answer.status == 416:  # nothing lies behind the offset (RFC 9110 section 15.5.17)
                return
            self._expect_success(answer, f"send {path}")
            refuse_page(answer.kind, path, self.address)
            yield from _skip(answer.pieces(), start - _first(answer, start))

    def size(self, path: str) -> int | None:
        """The size of the object in bytes; None when there is no such object."""
        with self._answer("HEAD", path) as answer:
            if answer.status in MISSING:
                return None
            if answer.status not in UNKNOWN_METHOD:
                self._expect_success(answer, f"tell the size of {path}")
                if answer.length is not None:
                    return answer.length
        with self._answer("GET", path) as answer:
            if answer.status in MISSING:
                return None
            self._expect_success(answer, f"send {path}")
            return sum(map(len, answer.pieces())) if answer.length is None else answer.length

    def sizes(self, paths: Iterable[str]) -> dict[str, int]:
        """The sizes in bytes of those objects among `paths` that exist, asked for side by side."""
        return ask_side_by_side(self.size, paths)

    def put(self, path: str, content: Content, keeps: Sequence[Blob] = ()) -> None:  # noqa: ARG002
        """Send the object by PUT (RFC 9110 section 9.3.4)."""
        headers = {"Content-Length": str(content.size), "Content-Type": media_type(path)}
        with self._answer("PUT", path, headers=headers, body=checked_pieces(content, path)) as answer:
            self._expect_success(answer, f"take {path} by PUT")

    def list(self, prefix: str) -> Iterator[Stored]:  # noqa: ARG002
        """Refuse: HTTP has no request that lists files."""
        raise self.unsupported_error(
            "list its objects over HTTP; run this on the server, with the directory of the store"
        )

    def delete(self, path: str) -> None:
        """Remove the object by DELETE; one that is not there is no error."""
        with self._answer("DELETE", path) as answer:
            if answer.status not in MISSING:
                self._expect_success(answer, f"remove {path}")

    @contextlib.contextmanager
    def _answer(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Iterable[bytes] | None = None
    ) -> Iterator[Answer]:
        """The answer to a request; its connection stays open only when the body has been read to its end."""
        url = f"{self.address}/{quote(path, safe='/~')}"  # quotes a plus sign, too: some servers take it for a blank
        answer = self._connections.ask(method, url, headers, body)
        try:
            yield answer
        finally:
            answer.response.close()

    def _expect_success(self, answer: Answer, what: str) -> None:
        """Refuse every status that is no success."""
        if not 200 <= answer.status < 300:
            raise explain_status(answer, what, self.address, self._access.secret)


def _skip(pieces: Iterator[bytes], count: int) -> Iterator[bytes]:
    """The pieces without their first `count` bytes."""
    for piece in pieces:
        if count < len(piece):
            yield piece[count:] if count else piece
        count = max(0, count - len(piece))


def _first(answer: Answer, most: int) -> int:
    """The offset in the object of the answer's first byte: the one in Content-Range, or 0 for a whole object.

    :raises StoreError: the offset is greater than `most`, or the answer does not tell it.
    """
    if answer.status != 206:
        return 0
    unit, _, span = answer.response.headers.get("Content-Range", "").partition(" ")
    first = span.partition("-")[0]
    if unit != "bytes" or not first.isdigit() or int(first) > most:
        raise StoreError("the server answers with another part of the object than it was asked for")
    return int(first)
