"""A repository of an OCI registry: its blobs, manifests and tags, by HTTP (OCI distribution specification 1.1)."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urljoin, urlsplit

import urllib3

from builder.store.errors import StoreError, TooLargeError, TransientError, UntrustedError
from builder.store.storage.access import Access
from builder.store.storage.connections import Answer, Connections
from builder.store.storage.interface import Content
from builder.store.storage.registry.documents import BYTES_TYPE, MANIFEST_TYPE
from builder.store.storage.registry.login import Login
from builder.store.storage.registry.refusals import explain_refusal

MOST_OF_A_MANIFEST = 4 << 20
"""The most bytes of a manifest; registries take at least so many ("Pushing Manifests"), and many take no more."""
TAGS_AT_ONCE = 1000
SHORT = 64 << 10
TRIES = 3
"""The most tries of a request: without a token, with one that has expired, with a new one."""
Body = Callable[[], Iterator[bytes]]


class Repository:
    """The repository `name` of the registry at `host`, a host name and maybe a port.

    With `plain_http`, the connection is not encrypted.  All methods raise TransientError, PermissionRefusedError or
    StoreError when the registry does not do what is asked.
    """

    def __init__(self, host: str, name: str, access: Access, *, plain_http: bool) -> None:
        self._host = host
        self.url = f"{'http' if plain_http else 'https'}://{host}/v2/{name}/"
        self._connections = Connections(access)
        self._login = Login(self._connections, host, name, access)

    def blob_size(self, digest: str) -> int | None:
        """The size of a blob in bytes; None when the repository does not have it."""
        with self._ask("HEAD", f"blobs/{digest}", (200, 404)) as answer:
            if answer.status == 200 and answer.length is None:
                raise StoreError(f"the registry at {self._host} does not tell the size of {digest}")
            return answer.length if answer.status == 200 else None

    def read_blob(self, digest: str, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of a blob from the offset `start` on, in pieces of at most 1 MiB.

        :raises NotStoredError: the repository does not have the blob.
        :raises UntrustedError: a blob that was read from its beginning to its end has another digest.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self._ask("GET", f"blobs/{digest}", (200, 206, 416) if start else (200,), headers) as answer:
            if answer.status == 416:  # nothing lies behind the offset (RFC 9110 section 15.5.17)
                answer.response.close()  # docker-registry 2.8 sends another length than it announces, and hangs up
                return
            if answer.status == 206:
                yield from answer.pieces()
                return
            hashed, at = hashlib.sha256(), 0
            for piece in answer.pieces():
                hashed.update(piece)
                if at + len(piece) > start:
                    yield piece[max(0, start - at) :]
                at += len(piece)
        if f"sha256:{hashed.hexdigest()}" != digest:
            raise UntrustedError(f"the registry at {self._host} has other bytes under {digest}")

    def push_blob(self, digest: str, content: Content) -> None:
        """Send a blob, which the registry compares with its digest."""
        with self._ask("POST", "blobs/uploads/", (202,), {"Content-Length": "0"}) as begun:
            place = urljoin(begun.url, begun.response.headers.get("Location", ""))
        if urlsplit(place).scheme != urlsplit(self.url).scheme:
            raise StoreError(
                f"the registry at {self._host} takes uploads at {place.partition('?')[0]}, of another scheme",
                resolution="Have the proxy in front of the registry send the header X-Forwarded-Proto.",
            )
        url = f"{place}{'&' if '?' in place else '?'}digest={digest}"
        headers = {"Content-Type": BYTES_TYPE, "Content-Length": str(content.size)}
        with self._ask("PUT", url, (201,), headers, lambda: read_whole(content, digest)):
            pass

    def delete_blob(self, digest: str) -> None:
        """Remove a blob from the repository; one that is not there is no error."""
        with self._ask("DELETE", f"blobs/{digest}", (200, 202, 404)):
            pass

    def read_manifest(self, reference: str) -> bytes | None:
        """The manifest under a tag or a digest; None when there is none."""
        with self._ask("GET", f"manifests/{reference}", (200, 404), {"Accept": MANIFEST_TYPE}) as answer:
            if answer.status == 404:
                return None
            read = bytearray()
            for piece in answer.pieces():
                read += piece
                if len(read) > MOST_OF_A_MANIFEST:
                    raise TooLargeError(
                        f"manifest {reference} at {self._host} has more than {MOST_OF_A_MANIFEST} bytes"
                    )
            return bytes(read)

    def push_manifest(self, reference: str, document: bytes) -> None:
        """Write a manifest under a tag; readers see the manifest before or this one."""
        headers = {"Content-Type": MANIFEST_TYPE, "Content-Length": str(len(document))}
        with self._ask("PUT", f"manifests/{reference}", (201,), headers, lambda: iter((document,))):
            pass

    def delete_manifest(self, document: bytes) -> None:
        """Remove a manifest and all its tags; one that is not there is no error."""
        digest = hashlib.sha256(document).hexdigest()
        with self._ask("DELETE", f"manifests/sha256:{digest}", (200, 202, 404)):
            pass

    def tags(self) -> Iterator[str]:
        """Yield every tag of the repository, page by page."""
        page: str | None = f"tags/list?n={TAGS_AT_ONCE}"
        while page:
            with self._ask("GET", page, (200, 404)) as answer:
                if answer.status == 404:  # nothing has been pushed yet
                    return
                text = b"".join(answer.pieces())
            try:
                yield from json.loads(text)["tags"] or ()
            except (ValueError, TypeError, KeyError) as error:
                raise StoreError(f"{self._host} answers with no list of tags: is it a registry?") from error
            page = _next_page(answer)

    @contextlib.contextmanager
    def _ask(
        self,
        method: str,
        url: str,
        expected: tuple[int, ...],
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
    ) -> Iterator[Answer]:
        """The answer to a request, whose status is one of `expected`; `url` may be relative to the repository."""
        url = urljoin(self.url, url)
        own = urlsplit(url)[:2] == urlsplit(self.url)[:2]
        for left in reversed(range(TRIES)):
            credentials = self._login.headers(method) if own else {}
            answer = self._connections.ask(method, url, headers, body() if body else None, credentials)
            try:
                if answer.status in expected:
                    yield answer
                    _read_rest(answer)
                    return
                if answer.status != 401 or not own or not left or not self._login.renew(method, credentials, answer):
                    what = f"answer {method} {urlsplit(url).path}"
                    raise explain_refusal(answer, what, self._host, self._login.who)
            finally:
                answer.response.close()


def _read_rest(answer: Answer) -> None:
    """Read the rest of a short body, so that the next request can use the connection."""
    with contextlib.suppress(urllib3.exceptions.HTTPError):  # then the connection is not used again
        answer.response.read(SHORT)


def read_whole(content: Content, name: str) -> Iterator[bytes]:
    """Yield the pieces of `content`, the object or blob `name`, and check that there are as many bytes as announced.

    :raises TransientError: the content ends early.
    :raises StoreError: the content cannot be read.
    """
    sent = 0
    try:
        for piece in content.pieces():
            sent += len(piece)
            yield piece
    except OSError as error:  # urllib3 would take it for an error of the connection
        raise StoreError(f"the content of {name} cannot be read: {error.strerror}") from error
    if sent != content.size:
        raise TransientError(f"{name} ended early while it was sent: {sent} bytes of {content.size}")


def _next_page(answer: Answer) -> str | None:
    """The address of the page that follows (RFC 8288), which may be relative."""
    for link in answer.response.headers.get("Link", "").split(","):
        address, _, parameters = link.partition(">")
        if 'rel="next"' in parameters:
            return urljoin(answer.url, address.strip().lstrip("<"))
    return None
