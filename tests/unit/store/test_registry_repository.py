"""Registries that misbehave, or answer by another one's address."""

from __future__ import annotations

import hashlib
import json

import pytest
from misbehaving_server import Handler, serve

from builder.store.errors import (
    NotStoredError,
    PermissionRefusedError,
    StoreError,
    StoreFullError,
    TooLargeError,
    TransientError,
)
from builder.store.storage.access import Access
from builder.store.storage.interface import Blob, Text
from builder.store.storage.oci import OciStorage
from builder.store.storage.registry.documents import tag_of, write_object

DATA = b"the content of a blob"
DIGEST = hashlib.sha256(DATA).hexdigest()
PATH = "metadata/timestamp.json"
ACCESS = Access("ann", "s3cr3t")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxies of whoever runs the tests are not asked."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def open_store(url: str) -> OciStorage:
    """The store of a user with a password in the registry at `url`."""
    return OciStorage(url.partition("://")[2], "site/nfsroot", ACCESS)


def wants_password(to: Handler) -> bool:
    """Ask for a password, if there is none in the request."""
    if to.headers.get("Authorization"):
        return False
    to.take()
    to.send(401, WWW_Authenticate='Basic realm="site, \\"quoted\\""')
    return True


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (400, b"", StoreError),
        (401, b"", PermissionRefusedError),
        (403, b'{"errors": [{"code": "DENIED"}]}', PermissionRefusedError),
        (429, b"", TransientError),
        (500, b'{"errors": [{"code": "UNKNOWN", "message": "write: no space left on device"}]}', StoreFullError),
        (500, b'{"errors": 7}', TransientError),
        (503, b"<html>", TransientError),
        (507, b"", StoreFullError),
    ],
)
def test_statuses(status: int, text: bytes, kind: type[StoreError]) -> None:
    """Each status is an error of its kind, which names the registry and never the password."""

    def answer(to: Handler) -> None:
        to.take()
        to.send(status, text, Content_Type="application/json")

    with serve(answer) as server:
        storage = open_store(server.url)
        for ask in (lambda: storage.read(PATH, 10), lambda: storage.put(f"blobs/sha256/{DIGEST}", Text(DATA))):
            with pytest.raises(StoreError) as caught:
                ask()
            assert type(caught.value) is kind
            assert "the registry at 127.0.0.1" in str(caught.value)
            assert ACCESS.secret not in str(caught.value)
        assert len(server.requests) == 2


def test_another_server_has_the_blobs() -> None:
    """Whoever sends a blob for a registry, or takes one, does not get the registry's password."""
    came = []

    def answer_elsewhere(to: Handler) -> None:
        if to.command == "PUT":
            came.append(to.take())
        to.send(201 if to.command == "PUT" else 200, DATA if to.command == "GET" else b"")

    with serve(answer_elsewhere) as elsewhere:

        def answer(to: Handler) -> None:
            if not wants_password(to):
                to.take()
                to.send(202 if to.command == "POST" else 307, Location=f"{elsewhere.url}/upload?state=1")

        with serve(answer) as server:
            storage = open_store(server.url)
            storage.put(f"blobs/sha256/{DIGEST}", Text(DATA))
            assert storage.read(f"blobs/sha256/{DIGEST}", 100) == DATA
            assert [request.path for request in elsewhere.requests] == [
                f"/upload?state=1&digest=sha256:{DIGEST}",
                "/upload?state=1",
            ]
            assert not [request for request in elsewhere.requests if "authorization" in request.headers]
            assert [request.headers.get("authorization") is None for request in server.requests] == [
                True,
                False,
                True,
                False,
            ]
    assert came == [DATA]


@pytest.mark.parametrize("place", ["https://127.0.0.1/upload", "ftp://127.0.0.1/upload"])
def test_uploads_by_another_scheme(place: str) -> None:
    """A registry behind a proxy that gives addresses of another scheme is told apart, with what to do."""
    with serve(lambda to: to.send(202, Location=place)) as server:
        with pytest.raises(StoreError, match="of another scheme") as caught:
            open_store(server.url).put(f"blobs/sha256/{DIGEST}", Text(DATA))
        assert "X-Forwarded-Proto" in str(caught.value)


def test_challenges_that_are_none() -> None:
    """A challenge that is none leaves the request refused."""
    for challenge in ("", "Bearer", "Digest realm=x", 'Bearer scope="no realm"', ",,="):

        def answer(to: Handler, challenge: str = challenge) -> None:
            to.send(401, WWW_Authenticate=challenge)

        with serve(answer) as server, pytest.raises(PermissionRefusedError):
            open_store(server.url).size(PATH)


@pytest.mark.parametrize("text", [b"", b"[]", b"<html>", b'{"token": ""}', b'{"other": 1}', b"x" * (2 << 20)])
def test_answers_without_a_token(text: bytes) -> None:
    """A token server that answers with no token is named."""
    with serve(lambda to: to.send(200, text)) as tokens:
        challenge = f'Bearer realm="{tokens.url}/token",scope="s"'
        with (
            serve(lambda to: to.send(401, WWW_Authenticate=challenge)) as server,
            pytest.raises(StoreError, match="answers with no token"),
        ):
            open_store(server.url).size(PATH)


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"tags": 7}', b"<html>sign in first</html>"])
def test_answers_without_tags(text: bytes) -> None:
    """What is no list of tags is no registry's answer."""
    with serve(lambda to: to.send(200, text)) as server, pytest.raises(StoreError, match="is it a registry"):
        list(open_store(server.url).list(""))


def test_a_tag_that_leads_to_another_object() -> None:
    """A manifest under the tag of another path is no object: nobody can pass one for the other."""
    document = write_object("metadata/1.root.json", Blob(DIGEST, len(DATA)), [])

    def answer(to: Handler) -> None:
        if "/tags/" in to.path:
            to.send(200, json.dumps({"tags": [tag_of(PATH)]}).encode())
        else:
            to.send(200, document)

    with serve(answer) as server:
        storage = open_store(server.url)
        assert storage.size(PATH) is None
        assert list(storage.list("")) == []
        with pytest.raises(NotStoredError):
            storage.read(PATH, 100)


def test_bodies_that_end_early_or_never() -> None:
    """A body that is shorter than announced may come whole the next time; a manifest without an end is not read."""

    def answer(to: Handler) -> None:
        if "/blobs/" in to.path:
            to.send(200, DATA[:-1], length=len(DATA))
            to.close_connection = True
        else:
            to.send(200, bytes(5 << 20))

    with serve(answer) as server:
        storage = open_store(server.url)
        with pytest.raises(TransientError):
            storage.read(f"blobs/sha256/{DIGEST}", 100)
        with pytest.raises(TooLargeError):
            storage.read(PATH, 100)


def test_a_registry_without_ranges() -> None:
    """A registry that sends all of a blob whatever is asked for is read from the offset on."""
    with serve(lambda to: to.send(200, DATA)) as server:
        storage = open_store(server.url)
        for start in (0, 1, 10, len(DATA) - 1, len(DATA)):
            assert b"".join(storage.stream(f"blobs/sha256/{DIGEST}", start)) == DATA[start:]
