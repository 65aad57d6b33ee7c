"""Whether a publisher finds out which S3 servers keep to conditions on writes."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from misbehaving_server import Handler, Server, serve

from builder.store.errors import OvertakenError, PermissionRefusedError, StoreError, TransientError
from builder.store.storage.access import Access
from builder.store.storage.s3 import S3Storage


class Bucket:
    """The objects of a server, and how it treats conditions."""

    def __init__(self, *, checks: bool, locks: bool, refuses: bool = False) -> None:
        self.checks, self.locks, self.refuses = checks, locks, refuses
        self.objects: dict[str, bytes] = {}
        self.lock = threading.Lock()

    def answer(self, to: Handler) -> None:
        """Answer a request for an object."""
        getattr(self, to.command.lower())(to, to.path.partition("?")[0], to.take())

    def get(self, to: Handler, path: str, _body: bytes) -> None:
        """Send an object, or its headers."""
        held = self.objects.get(path)
        made = {"Last_Modified": "Sat, 28 Nov 2026 22:44:55 GMT", "ETag": _tag(held or b"")}
        to.send(404) if held is None else to.send(200, held, **made)

    head = get

    def put(self, to: Handler, path: str, body: bytes) -> None:
        """Take an object, if the condition holds."""
        condition = to.headers.get("If-None-Match") or to.headers.get("If-Match")
        if condition and self.refuses:
            to.send(501, b"<Error><Code>NotImplemented</Code></Error>")
            return
        with self.lock if self.locks else threading.Lock():
            held = self.objects.get(path)
            met = held is None if condition == "*" else held is not None and _tag(held) == condition
            time.sleep(0.02)  # between looking and writing, as a server with disks
            if condition and self.checks and not met:
                to.send(412, b"<Error><Code>PreconditionFailed</Code></Error>")
                return
            self.objects[path] = body
        to.send(200, ETag=_tag(body))

    def delete(self, to: Handler, path: str, _body: bytes) -> None:
        """Remove an object."""
        self.objects.pop(path, None)
        to.send(204)


def _tag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Bucket], S3Storage]]:
    """Opens a store in a bucket."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running: list[tuple[Server, threading.Thread]] = []

    def open_bucket(bucket: Bucket) -> S3Storage:
        server = Server(bucket.answer, None)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return S3Storage("s3://bucket", Access(user="KEY", secret="secret", endpoint=server.url))

    yield open_bucket
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("bucket", "safe"),
    [
        (Bucket(checks=True, locks=True), True),
        (Bucket(checks=True, locks=False), False),
        (Bucket(checks=False, locks=True), False),
        (Bucket(checks=True, locks=True, refuses=True), False),
    ],
    ids=["locks", "races", "ignores", "refuses"],
)
def test_servers_are_tried_out(served: Callable[[Bucket], S3Storage], bucket: Bucket, safe: bool) -> None:
    """Only a server that checks under a lock swaps safely; each one swaps, and nothing of the trial is left."""
    storage = served(bucket)
    assert storage.swaps_safely == safe
    assert bucket.objects == {}
    storage.swap("a", b"1", None)
    storage.swap("a", b"2", b"1")
    with pytest.raises(OvertakenError):
        storage.swap("a", b"3", b"1")
    assert bucket.objects == {"/bucket/a": b"2"}


def test_a_swap_that_another_publisher_overtakes(served: Callable[[Bucket], S3Storage]) -> None:
    """A change between the look at an object and its replacement is noticed by the server."""
    bucket = Bucket(checks=True, locks=True)
    storage = served(bucket)
    storage.swap("a", b"1", None)
    assert storage.swaps_safely
    plain = bucket.put

    def put_late(to: Handler, path: str, body: bytes) -> None:
        bucket.objects[path] = b"other"
        plain(to, path, body)

    bucket.put = put_late  # type: ignore[method-assign]
    with pytest.raises(OvertakenError):
        storage.swap("a", b"2", b"1")
    assert bucket.objects["/bucket/a"] == b"other"


@pytest.mark.parametrize(("status", "kind"), [(403, PermissionRefusedError), (503, TransientError)])
def test_a_trial_that_fails(status: int, kind: type[StoreError]) -> None:
    """A server that refuses or fails is not taken for one without conditions, and is tried out again."""
    with serve(lambda to: (to.take(), to.send(status))) as server:
        storage = S3Storage("s3://bucket", Access(user="KEY", secret="secret", endpoint=server.url))
        for _ in range(2):
            with pytest.raises(kind):
                storage.swap("a", b"1", None)
