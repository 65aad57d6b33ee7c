"""A store in a bucket of servers that misbehave, and where its keys come from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from misbehaving_server import Handler, serve

from builder.errors import InputError
from builder.store.errors import (
    NotStoredError,
    PermissionRefusedError,
    StoreError,
    StoreFullError,
    TransientError,
)
from builder.store.storage.access import Access
from builder.store.storage.aws import Server, find_server
from builder.store.storage.interface import Text
from builder.store.storage.s3 import S3Storage

MADE = {"Last_Modified": "Sat, 28 Nov 2026 22:44:55 GMT", "ETag": '"1"'}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither proxies nor keys of whoever runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "ENDPOINT_URL", "ENDPOINT_URL_S3"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def _storage(url: str, silent: float = 60) -> S3Storage:
    return S3Storage("s3://bucket/some/place", Access(user="KEY", secret="hidden", endpoint=url), silent)


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>Some words.</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (400, "InvalidArgument", StoreError, "400 Bad Request, InvalidArgument: Some words."),
        (401, "Unauthorized", PermissionRefusedError, "s3:GetObject"),
        (403, "SignatureDoesNotMatch", PermissionRefusedError, "403 Forbidden, SignatureDoesNotMatch: Some words."),
        (403, "RequestTimeTooSkewed", PermissionRefusedError, "this machine's clock is wrong"),
        (404, "NoSuchKey", NotStoredError, "holds no a"),
        (404, "NoSuchBucket", StoreError, "the bucket of s3://bucket/some/place does not exist"),
        (429, "SlowDown", TransientError, "429 Too Many Requests, SlowDown"),
        (500, "InternalError", TransientError, "500 Internal Server Error"),
        (503, "SlowDown", TransientError, "503 Service Unavailable"),
        (507, "XMinioStorageFull", StoreFullError, "takes no more bytes"),
    ],
)
def test_status(status: int, code: str, kind: type[StoreError], words: str) -> None:
    """Each status is an error of its kind, for readers and for publishers, after one request each."""

    def answer(to: Handler) -> None:
        to.take()
        to.send(status, _error(code))

    with serve(answer) as server:
        storage = _storage(server.url)
        for do in (lambda: storage.read("a", 10), lambda: storage.put("a", Text(b"x"))):
            with pytest.raises(kind) as caught:
                do()
            assert type(caught.value) is kind
            assert words in str(caught.value)
            assert "hidden" not in str(caught.value)
        assert [request.method for request in server.requests] == ["GET", "PUT"]
        assert server.requests[0].path == "/bucket/some/place/a"


def _cut(to: Handler) -> None:
    to.send(200, b"half", length=100, **MADE)
    to.close_connection = True


def _hang_up(to: Handler) -> None:
    to.close_connection = True


@pytest.mark.parametrize(("answer", "words"), [(_cut, "in the middle"), (_hang_up, "before the answer")])
def test_a_connection_that_ends_early(answer: Callable[[Handler], None], words: str) -> None:
    """Half an answer is an error that may pass, and never the end of an object."""
    with serve(answer) as server, pytest.raises(TransientError, match=words):
        _storage(server.url).read("a", 1 << 20)


def test_a_server_that_says_nothing() -> None:
    """A silent server is an error that may pass, both before its answer and in the middle."""
    goes_on = threading.Event()

    def answer(to: Handler) -> None:
        if to.path.endswith("/middle"):
            to.send(200, b"123", length=10, **MADE)
        goes_on.wait(10)
        to.close_connection = True

    with serve(answer) as server:
        for path in ("start", "middle"):
            with pytest.raises(TransientError, match="said nothing for too long"):
                _storage(server.url, silent=0.2).read(path, 10)
        goes_on.set()


def test_nobody_listens() -> None:
    """Without a server the error may pass, and says what failed."""
    with pytest.raises(TransientError, match="Connection refused"):
        _storage("http://127.0.0.1:1").read("a", 10)


def test_a_web_page_in_place_of_an_object() -> None:
    """A sign-in page that a network shows for every address is called a web page."""
    with (
        serve(lambda to: to.send(200, b"<html>", Content_Type="text/html", **MADE)) as server,
        pytest.raises(StoreError, match=r"a web page in place of metadata/timestamp\.json"),
    ):
        _storage(server.url).read("metadata/timestamp.json", 10)


def test_requests_go_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy of the environment gets the requests, but not those for hosts in no_proxy."""
    with serve(lambda to: to.send(200, b"by proxy", **MADE)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert _storage("http://store.example").read("a", 10) == b"by proxy"
        assert proxy.requests[0].path == "http://store.example/bucket/some/place/a"
        with serve(lambda to: to.send(200, b"direct", **MADE)) as server:
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            assert _storage(server.url).read("a", 10) == b"direct"


def test_the_configuration_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and endpoint of the store's configuration are not mixed with those in the environment."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "OTHER",
        "AWS_SECRET_ACCESS_KEY": "other",
        "AWS_SESSION_TOKEN": "other-token",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    with serve(lambda to: to.send(200, b"x", **MADE)) as server:
        _storage(server.url).read("a", 10)
        headers = server.requests[0].headers
    assert "Credential=KEY/" in headers["authorization"]
    assert "x-amz-security-token" not in headers


def test_anonymous_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without keys nothing is signed, and no metadata service of a cloud is asked."""
    with serve(lambda to: to.send(200, b"x", **MADE)) as server:
        assert S3Storage("s3://bucket", Access(endpoint=server.url)).read("a", 10) == b"x"
        assert "authorization" not in server.requests[0].headers
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        assert S3Storage("s3://bucket").read("a", 10) == b"x"


FILES = {
    "config": "[default]\nregion = nowhere-1\n[profile site]\nregion = site-1\nendpoint_url = https://s3.example\n",
    "credentials": "[default]\naws_access_key_id = D\naws_secret_access_key = d%s\n"
    "[site]\naws_access_key_id = S\naws_secret_access_key = s\naws_session_token = t\n",
}


@pytest.mark.parametrize(
    ("access", "environment", "server"),
    [
        (Access(), {}, Server("", "nowhere-1", "D", "d%s")),
        (Access(), {"AWS_PROFILE": "site"}, Server("https://s3.example", "site-1", "S", "s", "t")),
        (
            Access(),
            {"AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e"},
            Server("", "r", "E", "e"),
        ),
        (
            Access(endpoint="http://s3.example", region="here-1", user="U", secret="u"),
            {"AWS_PROFILE": "site", "AWS_ACCESS_KEY_ID": "E"},
            Server("http://s3.example", "here-1", "U", "u"),
        ),
        (Access(), {"HOME": "/nonexistent"}, Server("", "us-east-1")),
        (
            Access(),
            {"HOME": "/nonexistent", "AWS_ENDPOINT_URL": "https://s3.example"},
            Server("https://s3.example", "us-east-1", anonymous=True),
        ),
    ],
)
def test_where_the_server_is(tmp_path: Path, access: Access, environment: dict[str, str], server: Server) -> None:
    """The configuration comes before the environment, and this before the files."""
    (tmp_path / ".aws").mkdir()
    for name, text in FILES.items():
        (tmp_path / ".aws" / name).write_text(text)
    assert find_server(access, {"HOME": str(tmp_path), **environment}) == server
    assert not server.secret or f"'{server.secret}'" not in repr(server)


def test_mistakes_in_the_settings_of_aws(tmp_path: Path) -> None:
    """A profile or an endpoint that is none is the user's mistake; no line of a file with secrets is shown."""
    with pytest.raises(InputError, match="the profile site of"):
        find_server(Access(), {"HOME": str(tmp_path), "AWS_PROFILE": "site"})
    with pytest.raises(InputError, match=r"endpoint s3\.example is no URL"):
        find_server(Access(endpoint="s3.example"), {"HOME": str(tmp_path)})
    for wrong in ("http://[bad", "http://", "https://a b/", "http://a:99999/"):  # the library would panic
        with pytest.raises(InputError, match="is no address of a server"):
            find_server(Access(endpoint=wrong), {"HOME": str(tmp_path)})
    file = tmp_path / "keys"
    file.write_text("aws_secret_access_key = hidden\n")
    with pytest.raises(InputError, match=f"{file}:1 is no configuration file") as caught:
        find_server(Access(), {"HOME": str(tmp_path), "AWS_SHARED_CREDENTIALS_FILE": str(file)})
    assert "hidden" not in str(caught.value)
