"""A store behind web servers that misbehave."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from misbehaving_server import Handler, serve

from builder.errors import InputError, NfsrootError
from builder.store.errors import (
    NotStoredError,
    PermissionRefusedError,
    StoreError,
    StoreFullError,
    TooLargeError,
    TransientError,
    UnsupportedError,
)
from builder.store.storage.access import Access
from builder.store.storage.http import HttpStorage
from builder.store.storage.interface import Text

OBJECT = random.Random("object").randbytes(3_000_000)
SECRET = "s3cr3t-t0k3n"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxies of whoever runs the tests are not asked."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, StoreError, "400 Bad Request"),
        (401, PermissionRefusedError, "Give a user or a token"),
        (403, PermissionRefusedError, "403 Forbidden"),
        (404, NotStoredError, "no such object"),
        (407, PermissionRefusedError, "proxy"),
        (410, NotStoredError, "no such object"),
        (418, StoreError, "418"),
        (429, TransientError, "429 Too Many Requests"),
        (500, TransientError, "500 Internal Server Error"),
        (503, TransientError, "503 Service Unavailable"),
        (507, StoreFullError, "Make room"),
        (599, StoreError, "599"),
    ],
)
def test_status_of_a_read(status: int, kind: type[StoreError], words: str) -> None:
    """Each status is an error of its kind, which names store and object and quotes the server."""
    with serve(lambda to: to.send(status, b"no luck\x1b[31m today", Content_Type="text/plain")) as server:
        storage = HttpStorage(server.url)
        with pytest.raises(kind) as caught:
            storage.read("metadata/timestamp.json", 10)
        text = str(caught.value)
        assert type(caught.value) is kind
        assert words in text and server.url in text and "metadata/timestamp.json" in text
        assert "\x1b" not in text
        if status in (404, 410):
            assert storage.size("a") is None
            storage.delete("a")
        else:
            with pytest.raises(kind):
                storage.size("a")
            with pytest.raises(kind):
                storage.delete("a")


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (301, StoreError, "Use the address to which the server redirects"),
        (403, PermissionRefusedError, "403"),
        (405, UnsupportedError, "takes files by PUT"),
        (409, StoreError, "409 Conflict"),
        (413, StoreError, "client_max_body_size"),
        (501, UnsupportedError, "takes files by PUT"),
        (503, TransientError, "503"),
        (507, StoreFullError, "Make room"),
    ],
)
def test_status_of_a_write(status: int, kind: type[StoreError], words: str) -> None:
    """A server that does not take an object says why."""

    def answer(to: Handler) -> None:
        to.take()
        to.send(status, Location="http://127.0.0.1:9/")

    with serve(answer) as server, pytest.raises(kind, match="by PUT") as caught:
        HttpStorage(server.url).put("blobs/sha256/aa", Text(b"bytes"))
    assert words in str(caught.value)


def _ranges(to: Handler) -> tuple[int, bytes]:
    start = int(to.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
    return start, OBJECT[start:]


def _with_ranges(to: Handler) -> None:
    start, rest = _ranges(to)
    to.send(206, rest, Content_Range=f"bytes {start}-{len(OBJECT) - 1}/{len(OBJECT)}")


def _without_ranges(to: Handler) -> None:
    to.send(200, OBJECT)


def _with_an_earlier_range(to: Handler) -> None:
    start, _ = _ranges(to)
    start //= 2
    to.send(206, OBJECT[start:], Content_Range=f"bytes {start}-{len(OBJECT) - 1}/{len(OBJECT)}")


def _in_chunks(to: Handler) -> None:
    to.send_response(200)
    to.send_header("Transfer-Encoding", "chunked")
    to.end_headers()
    dice = random.Random("chunks")
    at = 0
    while to.command != "HEAD" and at < len(OBJECT):
        chunk = OBJECT[at : at + dice.randint(1, 1 << 20)]
        to.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        at += len(chunk)
    if to.command != "HEAD":
        to.wfile.write(b"0\r\n\r\n")


def _without_length(to: Handler) -> None:
    to.send_response(200)
    to.send_header("Connection", "close")
    to.end_headers()
    to.close_connection = True
    if to.command != "HEAD":
        to.wfile.write(OBJECT)


def _without_head(to: Handler) -> None:
    if to.command == "HEAD":
        to.send(405)
    else:
        to.send(200, OBJECT)


@pytest.mark.parametrize(
    "answer", [_with_ranges, _without_ranges, _with_an_earlier_range, _in_chunks, _without_length, _without_head]
)
def test_every_way_to_send_gives_the_same_bytes(answer: Callable[[Handler], None]) -> None:
    """From each offset on come the right bytes in small pieces, and the size is right, however the server answers."""
    dice = random.Random(f"{answer.__name__}")
    with serve(answer) as server:
        storage = HttpStorage(server.url)
        assert storage.size("a") == len(OBJECT)
        assert storage.sizes(["a", "b"]) == {"a": len(OBJECT), "b": len(OBJECT)}
        for start in (0, 1, len(OBJECT) - 1, *(dice.randrange(len(OBJECT)) for _ in range(3))):
            pieces = list(storage.stream("a", start))
            assert b"".join(pieces) == OBJECT[start:]
            assert max(map(len, pieces)) <= 1 << 20


def test_an_offset_behind_the_end() -> None:
    """A server that refuses a range behind the end has no more bytes."""
    with serve(lambda to: to.send(416, Content_Range="bytes */3")) as server:
        assert list(HttpStorage(server.url).stream("a", 3)) == []


@pytest.mark.parametrize("span", ["bytes 5-9/10", "", "bytes x-9/10", "items 2-9/10"])
def test_another_range_than_asked_for(span: str) -> None:
    """A part that is not the one that was asked for is refused."""
    with (
        serve(lambda to: to.send(206, b"56789", Content_Range=span)) as server,
        pytest.raises(StoreError, match="another part"),
    ):
        list(HttpStorage(server.url).stream("a", 2))


def _cut(to: Handler) -> None:
    to.send(200, OBJECT[:2_000_000], length=len(OBJECT))
    to.close_connection = True


def _cut_in_a_chunk(to: Handler) -> None:
    to.send_response(200)
    to.send_header("Transfer-Encoding", "chunked")
    to.end_headers()
    to.wfile.write(b"ffff\r\nhalf a chunk")
    to.close_connection = True


def _cut_before_the_answer(to: Handler) -> None:
    to.close_connection = True


def _garbage(to: Handler) -> None:
    to.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    to.close_connection = True


@pytest.mark.parametrize("answer", [_cut, _cut_in_a_chunk, _cut_before_the_answer, _garbage])
def test_a_connection_that_ends_early(answer: Callable[[Handler], None]) -> None:
    """Half an answer is an error that may pass, and never the end of an object."""
    with serve(answer) as server, pytest.raises(TransientError, match=r"connection to 127\.0\.0\.1:\d+ failed"):
        HttpStorage(server.url).read("a", 1 << 24)


def test_a_server_that_says_nothing() -> None:
    """A silent server is an error that may pass, both before its answer and in the middle."""
    goes_on = threading.Event()

    def answer(to: Handler) -> None:
        if to.path == "/middle":
            to.send(200, b"123", length=10)
        goes_on.wait(10)
        to.close_connection = True

    with serve(answer) as server:
        storage = HttpStorage(server.url, silent=0.2)
        for path in ("start", "middle"):
            with pytest.raises(TransientError, match="timed out"):
                storage.read(path, 10)
        goes_on.set()


def test_nobody_listens() -> None:
    """Without a server, or without its name in DNS, the error may pass, and says what failed."""
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
    with pytest.raises(TransientError, match="refused"):
        HttpStorage(f"http://127.0.0.1:{port}").size("a")


def test_a_web_page_in_place_of_an_object() -> None:
    """A sign-in page that a network shows for every address is called a web page; a page of the store is none."""
    page = b"<html>Welcome to our network</html>"
    with serve(lambda to: to.send(200, page, Content_Type="text/html; charset=utf-8")) as server:
        storage = HttpStorage(server.url)
        with pytest.raises(StoreError, match=r"sends a web page in place of metadata/timestamp\.json"):
            storage.read("metadata/timestamp.json", 1 << 20)
        assert storage.read("index.html", 1 << 20) == page


def test_endless_data() -> None:
    """A reader stops at the number of bytes that it allows."""

    def answer(to: Handler) -> None:
        to.send_response(200)
        to.end_headers()
        while True:
            to.wfile.write(bytes(1 << 16))

    with serve(answer) as server, pytest.raises(TooLargeError):
        HttpStorage(server.url).read("a", 100_000)


def test_names_are_quoted() -> None:
    """A plus sign, which some servers take for a blank, and a tilde arrive as they are."""
    with serve(lambda to: to.send(200)) as server:
        HttpStorage(server.url + "/some/place/").read("releases/a/1.0+b~c/m.json", 10)
        assert server.requests[0].path == "/some/place/releases/a/1.0%2Bb~c/m.json"
        assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("access", "header", "value"),
    [
        (Access(user="ann", secret="pä:ss"), "Authorization", "Basic YW5uOnDDpDpzcw=="),
        (Access(secret=SECRET), "Authorization", f"Bearer {SECRET}"),
        (Access(secret=SECRET, header="PRIVATE-TOKEN"), "PRIVATE-TOKEN", SECRET),
    ],
)
def test_credentials(access: Access, header: str, value: str) -> None:
    """User and password, or a token, go with each request, and stand in no text."""
    with serve(lambda to: to.send(200, b"x")) as server:
        storage = HttpStorage(server.url, access)
        storage.size("a")
        storage.read("a", 1)
        assert [request.headers[header.lower()] for request in server.requests] == [value, value]
    assert access.secret not in f"{access!r} {storage.address}"


def test_secrets_in_no_error() -> None:
    """A server that quotes the token has the error say dots in its place."""
    said = f'{{"message": "bad token {SECRET}"}}'.encode()
    with (
        serve(lambda to: to.send(403, said, Content_Type="application/json")) as server,
        pytest.raises(PermissionRefusedError) as caught,
    ):
        HttpStorage(server.url, Access(secret=SECRET)).read("a", 1)
    assert "bad token ..." in str(caught.value)
    assert SECRET not in f"{caught.value}{caught.value!r}"


def test_redirects_to_another_server_carry_no_credentials() -> None:
    """A redirect is followed, with credentials on the same server and without them to another."""
    with serve(lambda to: to.send(200, b"there")) as other:

        def answer(to: Handler) -> None:
            target = {"/a": "/b", "/b": f"{other.url}/c?signature=1"}[to.path]
            to.send(302, Location=target)

        with serve(answer) as server:
            storage = HttpStorage(server.url, Access(secret=SECRET))
            assert storage.read("a", 10) == b"there"
            assert [request.headers.get("authorization") for request in server.requests] == [f"Bearer {SECRET}"] * 2
        assert [(request.path, request.headers.get("authorization")) for request in other.requests] == [
            ("/c?signature=1", None)
        ]


def test_a_redirect_to_a_server_that_wants_credentials() -> None:
    """The error says that the other server did not get the credentials."""
    with (
        serve(lambda to: to.send(401)) as other,
        serve(lambda to: to.send(307, Location=other.url)) as server,
        pytest.raises(PermissionRefusedError, match="which does not get the credentials"),
    ):
        HttpStorage(server.url, Access(secret=SECRET)).read("a", 10)


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/", "file:///etc/passwd"])
def test_redirects_to_another_scheme_are_refused(target: str) -> None:
    """No server turns a request over HTTP into another kind of access."""
    with (
        serve(lambda to: to.send(302, Location=target)) as server,
        pytest.raises(StoreError, match=f"from http to {target.partition(':')[0]}"),
    ):
        HttpStorage(server.url).read("a", 10)


def test_redirects_in_a_circle() -> None:
    """A server that redirects for ever is given up."""
    with serve(lambda to: to.send(302, Location="/again")) as server:
        with pytest.raises(StoreError, match="more than 5 times"):
            HttpStorage(server.url).read("a", 10)
        assert len(server.requests) == 6


class Torn:
    """Content that ends before its announced size."""

    size = 1 << 21

    def pieces(self) -> Iterator[bytes]:
        yield bytes(1 << 20)


class Unreadable(Torn):
    """Content whose disk fails."""

    def pieces(self) -> Iterator[bytes]:
        yield bytes(1 << 20)
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (Torn(), TransientError, "1048576 bytes in place of 2097152"),
        (Unreadable(), StoreError, "cannot be read: Input/output error"),
    ],
)
def test_content_that_fails(content: Torn, kind: type[NfsrootError], words: str) -> None:
    """Content that ends early or cannot be read never arrives whole, and the error says whose fault that is."""
    arrived = []

    def answer(to: Handler) -> None:
        arrived.append(len(to.take()))
        to.send(201)

    with serve(answer) as server, pytest.raises(kind, match=words) as caught:
        HttpStorage(server.url).put("a", content)
    assert type(caught.value) is kind
    assert all(length < content.size for length in arrived)


def test_requests_go_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy of the environment gets the requests, its own password, and none for hosts in no_proxy."""
    with serve(lambda to: to.send(200, b"by proxy")) as proxy, serve(lambda to: to.send(200, b"direct")) as server:
        monkeypatch.setenv("http_proxy", proxy.url.replace("://", "://me:p%40ss@"))
        storage = HttpStorage("http://store.example/nfsroot", Access(secret=SECRET))
        assert storage.read("a", 10) == b"by proxy"
        assert proxy.requests[0].path == "http://store.example/nfsroot/a"
        assert proxy.requests[0].headers["proxy-authorization"] == "Basic bWU6cEBzcw=="
        monkeypatch.setenv("no_proxy", "127.0.0.1,elsewhere.example")
        assert HttpStorage(server.url).read("a", 10) == b"direct"
    monkeypatch.setenv("http_proxy", "socks5://u:hidden@127.0.0.1:1080")
    with pytest.raises(InputError, match=r"the proxy socks5://127\.0\.0\.1:1080 ") as caught:
        HttpStorage("http://store.example/nfsroot").size("a")
    assert "hidden" not in str(caught.value)


def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that wants a password is named as such, also on the way to a server with TLS."""
    with serve(lambda to: to.send(407)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(PermissionRefusedError, match=r"the proxy on the way to store\.example"):
            HttpStorage("https://store.example").size("a")


def test_certificates_that_cannot_be_read(tmp_path: Path) -> None:
    """A CA file that is missing, or that holds none, is the user's mistake."""
    with pytest.raises(InputError, match="No such file"):
        HttpStorage("https://store.example", Access(ca_file=tmp_path / "ca.pem"))
    (tmp_path / "ca.pem").write_text("hello")
    with pytest.raises(InputError, match="no certificate in PEM form"):
        HttpStorage("https://store.example", Access(ca_file=tmp_path / "ca.pem"))


def test_objects_are_not_listed() -> None:
    """HTTP lists no files, and the error says where the command works."""
    with pytest.raises(UnsupportedError, match="run this on the server"):
        list(HttpStorage("http://127.0.0.1:1").list(""))
