"""Stores behind nginx: a directory that it shows, and places that it guards or limits."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_servers import PASSWORD, USER, Nginx

from builder.store.errors import NotStoredError, PermissionRefusedError, StoreError, UnsupportedError
from builder.store.storage.access import Access
from builder.store.storage.directory import DirectoryStorage
from builder.store.storage.http import HttpStorage
from builder.store.storage.interface import Text


@pytest.fixture
def shown(nginx: Nginx, tmp_path: Path) -> tuple[DirectoryStorage, HttpStorage]:
    """A store in a directory, and the same store as nginx shows it."""
    name = tmp_path.name
    return DirectoryStorage(nginx.files / "static" / name), HttpStorage(f"{nginx.url}/static/{name}")


def test_a_directory_is_read_over_http(shown: tuple[DirectoryStorage, HttpStorage]) -> None:
    """What is published into the directory is read from the server, whole and by ranges."""
    directory, server = shown
    data = bytes(range(256)) * 20_000
    directory.put("blobs/sha256/aa", Text(data))
    directory.put("metadata/timestamp.json", Text(b'{"signed": {}}' * 100))
    directory.put("index.html", Text(b"<html></html>"))
    assert server.read("blobs/sha256/aa", len(data)) == data
    assert b"".join(server.stream("blobs/sha256/aa", 4_000_001)) == data[4_000_001:]
    assert server.read("metadata/timestamp.json", 2000) == b'{"signed": {}}' * 100
    assert server.read("index.html", 100) == b"<html></html>"
    assert server.sizes(["blobs/sha256/aa", "blobs/sha256/bb"]) == {"blobs/sha256/aa": len(data)}
    with pytest.raises(NotStoredError):
        server.read("blobs/sha256/bb", 1)
    with pytest.raises(StoreError):
        server.read("blobs", 1)  # a directory


def test_a_server_that_only_shows_files_is_not_written(shown: tuple[DirectoryStorage, HttpStorage]) -> None:
    """PUT and DELETE to a plain web server are errors that say where to publish to."""
    directory, server = shown
    directory.put("a", Text(b"1"))
    with pytest.raises(UnsupportedError, match="takes files by PUT"):
        server.put("a", Text(b"2"))
    with pytest.raises(UnsupportedError):
        server.delete("a")
    assert server.read("a", 1) == b"1"


def test_a_password(nginx: Nginx) -> None:
    """A place with a password is read and written with the right one only, which no error shows."""
    address = f"{nginx.url}/guarded/store"
    HttpStorage(address, Access(user=USER, secret=PASSWORD)).put("a", Text(b"1"))
    assert HttpStorage(address, Access(user=USER, secret=PASSWORD)).read("a", 1) == b"1"
    with pytest.raises(PermissionRefusedError, match="Give a user or a token"):
        HttpStorage(address).read("a", 1)
    wrong = HttpStorage(address, Access(user=USER, secret="a wrong one"))
    with pytest.raises(PermissionRefusedError, match="Check the user") as caught:
        wrong.put("a", Text(bytes(3_000_000)))
    assert "a wrong one" not in str(caught.value)


def test_a_password_for_publishers_only(nginx: Nginx) -> None:
    """The location that the reference shows is read by everybody, and written with a password."""
    address = f"{nginx.url}/public/store"
    publisher, reader = HttpStorage(address, Access(user=USER, secret=PASSWORD)), HttpStorage(address)
    publisher.put("a", Text(b"1"))
    assert reader.read("a", 1) == b"1"
    assert reader.size("a") == 1
    with pytest.raises(PermissionRefusedError):
        reader.put("a", Text(b"2"))
    with pytest.raises(PermissionRefusedError):
        reader.delete("a")
    publisher.delete("a")
    assert reader.size("a") is None


def test_a_limit(nginx: Nginx) -> None:
    """A server that takes small files only is told apart from one that fails."""
    storage = HttpStorage(f"{nginx.url}/small/store")
    storage.put("a", Text(bytes(1000)))
    with pytest.raises(StoreError, match="client_max_body_size"):
        storage.put("b", Text(bytes(3_000_000)))
    assert storage.size("b") is None
