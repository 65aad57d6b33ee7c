"""A store in a real registry, Debian's docker-registry."""

from __future__ import annotations

import contextlib
import hashlib
import random
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from registry_server import PROGRAM, RegistryServer, require

from builder.parallel import crew
from builder.store.errors import (
    NotStoredError,
    OvertakenError,
    StoreError,
    TooLargeError,
    TransientError,
    UntrustedError,
)
from builder.store.storage.interface import Blob, Content, FileSlice, Text
from builder.store.storage.oci import OciStorage
from builder.store.storage.registry.documents import EMPTY

pytestmark = pytest.mark.server
TIMESTAMP = "metadata/timestamp.json"


@pytest.fixture
def server(tmp_path: Path) -> RegistryServer:
    """A registry that does not run yet."""
    require(PROGRAM)
    return RegistryServer(tmp_path / "registry")


@pytest.fixture
def storage(server: RegistryServer) -> Iterator[OciStorage]:
    """An empty store in a registry that runs."""
    with server.running():
        yield OciStorage(server.host, "site/nfsroot")


def put_blob(storage: OciStorage, data: bytes) -> Blob:
    """Put a blob; its digest and size."""
    blob = Blob(hashlib.sha256(data).hexdigest(), len(data))
    storage.put(f"blobs/sha256/{blob.sha256}", Text(data))
    return blob


def test_blobs_come_back(storage: OciStorage, tmp_path: Path) -> None:
    """A blob that is a slice of a file is there with its size and its bytes, from any offset on."""
    data = random.Random(13).randbytes(3_000_000)
    (tmp_path / "file").write_bytes(b"before" + data + b"after")
    path = f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"
    assert storage.size(path) is None
    storage.put(path, FileSlice(tmp_path / "file", 6, len(data)))
    assert storage.size(path) == len(data)
    assert storage.read(path, len(data)) == data
    for start in (1, 1_234_567, len(data) - 1, len(data), len(data) + 7):
        assert b"".join(storage.stream(path, start)) == data[start:]
    with pytest.raises(TooLargeError):
        storage.read(path, len(data) - 1)


@pytest.mark.parametrize(
    "path",
    [
        TIMESTAMP,
        "index.html",
        f"releases/{'long-name-' * 9}/1.0+b~{'x' * 60}/{'ab' * 32}.manifest.json",
        "releases/a-b/c/x",
        "releases/a/b-c/x",
        "releases/A/b+c/x",
        "releases/A/b~c/x",
        "blobs/sha256/no-digest",
    ],
)
def test_objects_come_back(storage: OciStorage, path: str) -> None:
    """An object under any path is there, is replaced, is listed and is removed, and others stay."""
    storage.put("releases/a/b~c/x", Text(b"another"))
    for content in (b"first", b"", b"second"):
        storage.put(path, Text(content))
        assert storage.read(path, 100) == content
        assert storage.size(path) == len(content)
        assert b"".join(storage.stream(path, 3)) == content[3:]
    listed = {found.path: found for found in storage.list("")}
    assert listed.keys() == {path, "releases/a/b~c/x"}
    assert listed[path].size == 6
    assert listed[path].modified > 1_700_000_000
    storage.delete(path)
    storage.delete(path)
    assert storage.size(path) is None
    with pytest.raises(NotStoredError, match="holds no"):
        storage.read(path, 100)
    assert [found.path for found in storage.list("rel")] == ["releases/a/b~c/x"]


def test_objects_that_are_put_at_once_push_their_common_configuration_once(
    storage: OciStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects that are put side by side into an empty repository push the blob that they all need once."""
    paths = {f"releases/{number}" for number in range(8)}
    pushed: list[str] = []
    push_blob = storage.repository.push_blob

    def push(digest: str, content: Content) -> None:
        pushed.append(digest)
        push_blob(digest, content)

    monkeypatch.setattr(storage.repository, "push_blob", push)
    with crew(len(paths)) as threads:
        for done in [threads.begin(partial(storage.put, path, Text(path.encode()))) for path in paths]:
            done()
    assert sorted(pushed) == sorted(
        f"sha256:{hashlib.sha256(content).hexdigest()}" for content in (EMPTY, *(path.encode() for path in paths))
    )
    assert {found.path for found in storage.list("")} == paths


def test_an_empty_store(storage: OciStorage) -> None:
    """A repository to which nothing was pushed is an empty store."""
    assert list(storage.list("")) == []
    assert storage.sizes([TIMESTAMP, f"blobs/sha256/{'0' * 64}"]) == {}
    storage.delete(TIMESTAMP)
    storage.delete(f"blobs/sha256/{'0' * 64}")
    with pytest.raises(NotStoredError):
        storage.read(f"blobs/sha256/{'0' * 64}", 1)


def test_many_objects(storage: OciStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes are asked for, and objects listed, over many connections and several pages of tags."""
    monkeypatch.setattr("builder.store.storage.registry.repository.TAGS_AT_ONCE", 7)
    paths = [f"metadata/{number}.targets.json" for number in range(40)]
    digests = [hashlib.sha256(path.encode()).hexdigest() for path in paths]
    threads = [threading.Thread(target=put_both, args=(storage, paths[part::4])) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {found.path for found in storage.list("metadata/")} == set(paths)
    asked = [f"blobs/sha256/{digest}" for digest in digests]
    sizes = {blob: len(path) for blob, path in zip(asked, paths, strict=True)}
    assert storage.sizes([*asked, "no/object", *paths]) == sizes | {path: len(path) for path in paths}


def put_both(storage: OciStorage, paths: list[str]) -> None:
    """Put an object, and a blob of the same content, for each path."""
    for path in paths:
        storage.put(path, Text(path.encode()))
        put_blob(storage, path.encode())


def test_content_that_is_not_what_its_name_says(storage: OciStorage) -> None:
    """The registry refuses a blob of another digest, and keeps nothing of it."""
    path = f"blobs/sha256/{hashlib.sha256(b'right').hexdigest()}"
    with pytest.raises(StoreError, match="400"):
        storage.put(path, Text(b"wrong"))
    assert storage.size(path) is None


class Torn:
    """Content that ends before its announced size."""

    size = 10

    def pieces(self) -> Iterator[bytes]:
        yield b"12345"


def test_content_that_ends_early(storage: OciStorage) -> None:
    """The upload of content that ends early fails at once, and the store holds nothing of it."""
    digest = hashlib.sha256(b"12345").hexdigest()
    with pytest.raises(TransientError, match="5 bytes of 10"):
        storage.put(f"blobs/sha256/{digest}", Torn())
    with pytest.raises(TransientError, match="5 bytes of 10"):
        storage.put(TIMESTAMP, Torn())
    assert list(storage.list("")) == []
    storage.put(TIMESTAMP, Text(b"{}"))


def test_an_object_needs_the_blobs_that_it_keeps(storage: OciStorage) -> None:
    """A registry takes no manifest that names a blob that it does not have."""
    with pytest.raises(StoreError, match="400"):
        storage.put("releases/a/1/x.manifest.json", Text(b"{}"), [Blob("0" * 64, 1)])
    assert storage.size("releases/a/1/x.manifest.json") is None


def test_listed_blobs_are_those_that_are_kept(storage: OciStorage) -> None:
    """Blobs are listed with their sizes once an object keeps them; the others are garbage of the registry."""
    kept, _ = put_blob(storage, b"kept"), put_blob(storage, b"garbage")
    storage.put("releases/a/1/x.manifest.json", Text(b"{}"), [kept, kept])
    assert [(found.path, found.size) for found in storage.list("blobs/")] == [(f"blobs/sha256/{kept.sha256}", 4)]
    assert {found.path for found in storage.list("")} == {
        f"blobs/sha256/{kept.sha256}",
        "releases/a/1/x.manifest.json",
    }


def test_garbage_collection(server: RegistryServer) -> None:
    """A registry's garbage collection keeps what objects keep, and removes what was deleted or never kept."""
    storage = OciStorage(server.host, "site/nfsroot")
    with server.running():
        shared, old, new, garbage = (put_blob(storage, name) for name in (b"shared", b"old", b"new", b"garbage"))
        storage.put("releases/a/1/x.manifest.json", Text(b"one"), [shared, old])
        storage.put("releases/a/2/y.manifest.json", Text(b"two"), [shared, new])
        storage.put(TIMESTAMP, Text(b"before"))
        storage.put(TIMESTAMP, Text(b"now"))
        storage.delete("releases/a/1/x.manifest.json")
    assert {shared.sha256, old.sha256, new.sha256, garbage.sha256} <= server.blobs()
    server.collect_garbage()
    left = server.blobs()
    assert {shared.sha256, new.sha256} <= left
    assert not {old.sha256, garbage.sha256, hashlib.sha256(b"before").hexdigest()} & left
    with server.running():
        assert storage.read(f"blobs/sha256/{shared.sha256}", 10) == b"shared"
        assert storage.read("releases/a/2/y.manifest.json", 10) == b"two"
        assert storage.read(TIMESTAMP, 10) == b"now"
        assert storage.size(f"blobs/sha256/{old.sha256}") is None
        storage.put(TIMESTAMP, Text(b"later"))
        assert storage.read(TIMESTAMP, 10) == b"later"


def test_swap(storage: OciStorage) -> None:
    """A swap replaces what it expects, and refuses when another publisher was there."""
    storage.swap(TIMESTAMP, b"one", None)
    storage.swap(TIMESTAMP, b"two", b"one")
    with pytest.raises(OvertakenError):
        storage.swap(TIMESTAMP, b"three", b"one")
    assert storage.read(TIMESTAMP, 10) == b"two"


def test_readers_see_the_object_before_or_the_new_one(storage: OciStorage) -> None:
    """Someone who reads while an object is replaced gets one of its contents, whole, or a failure that may pass.

    docker-registry empties the file with a tag's digest before it writes the new one, and answers 500 in between.
    """
    contents = [bytes([65 + number]) * 5000 for number in range(5)]
    storage.put(TIMESTAMP, Text(contents[0]))
    seen: list[bytes] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            with contextlib.suppress(TransientError):
                seen.append(storage.read(TIMESTAMP, 10_000))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        for content in contents:
            storage.put(TIMESTAMP, Text(content))
    stop.set()
    reader.join()
    assert seen
    assert set(seen) <= set(contents)


def test_bytes_that_rot_in_the_registry(storage: OciStorage, server: RegistryServer) -> None:
    """Whoever reads a blob or an object that was changed on the registry's disk is told so."""
    blob = put_blob(storage, b"as it was published")
    storage.put(TIMESTAMP, Text(b"as it was signed"))
    for file in server.directory.glob("data/docker/registry/v2/blobs/sha256/*/*/data"):
        file.write_bytes(file.read_bytes().replace(b"as it was", b"as it is "))
    with pytest.raises(UntrustedError, match="other bytes"):
        storage.read(f"blobs/sha256/{blob.sha256}", 100)
    with pytest.raises(UntrustedError, match="other bytes"):
        storage.read(TIMESTAMP, 100)


def test_rotten_blobs_are_repaired(storage: OciStorage, server: RegistryServer) -> None:
    """docker-registry takes no blob that it believes to have; once the file is gone from its disk, it does."""
    blob = put_blob(storage, b"as it was published")
    (file,) = server.directory.glob(f"data/docker/registry/v2/blobs/sha256/*/{blob.sha256}/data")
    file.write_bytes(b"rotten")
    put_blob(storage, b"as it was published")
    assert file.read_bytes() == b"rotten"
    file.unlink()
    put_blob(storage, b"as it was published")
    assert storage.read(f"blobs/sha256/{blob.sha256}", 100) == b"as it was published"


def test_no_registry_there(tmp_path: Path) -> None:
    """A registry that does not answer is a failure that may pass."""
    require(PROGRAM)
    server = RegistryServer(tmp_path / "registry")
    with pytest.raises(TransientError, match="connection to 127"):
        OciStorage(server.host, "site/nfsroot").size(TIMESTAMP)
