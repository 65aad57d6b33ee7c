"""A store in a repository of an OCI registry.

A blob of the store is a blob of the registry.  Every other object is a manifest under a tag of its own: the first layer
is the object's content, and the layers after it are the blobs that the object keeps from the registry's garbage
collection.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from builder.errors import InputError
from builder.parallel import crew
from builder.store.errors import NotStoredError, UnsupportedError
from builder.store.storage.access import ANONYMOUS, Access
from builder.store.storage.interface import Blob, Content, Storage, Stored, Text
from builder.store.storage.many import SIDE_BY_SIDE, ask_side_by_side
from builder.store.storage.registry.documents import EMPTY, Document, read_document, readable, tag_of, write_object
from builder.store.storage.registry.images import image_tag, is_image_of
from builder.store.storage.registry.repository import Repository, read_whole

BLOBS = "blobs/sha256/"
BLOB = re.compile(rf"{BLOBS}([0-9a-f]{{64}})")
RELEASE = re.compile(r"releases/([^/]+)/([^/]+)/[0-9a-f]{64}\.manifest\.json")
NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+|/)[a-z0-9]+)*")
"""Names of repositories ("Pulling manifests" in the distribution specification)."""
LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?")
"""Registries on this machine, which are asked without encryption."""


def open_repository(address: str, access: Access = ANONYMOUS) -> OciStorage:
    """The store at `address`, which has the form `oci://HOST/NAME`.

    :raises InputError: no registry can have a repository of this name.
    """
    split = urlsplit(address)
    name = split.path.strip("/")
    if not NAME.fullmatch(name):
        raise InputError(
            f"{address} names no repository of a registry",
            resolution="Write a path of small letters, digits and single . _ - between them, without a tag:\n"
            "oci://registry.example/site/nfsroot",
        )
    return OciStorage(split.netloc, name, access)


class StoredObject(NamedTuple):
    """An object that is no blob: its manifest's text and fields, and its content."""

    text: bytes
    document: Document
    content: Blob


class OciStorage(Storage):
    """A store in the repository `name` of the registry at `host`, a host name and maybe a port."""

    swaps_safely = False  # a registry replaces a tag's manifest without looking at the one before
    serves_pages = False  # a browser would have to find each page's digest in a manifest first
    holds_images = True

    def __init__(self, host: str, name: str, access: Access = ANONYMOUS) -> None:
        self.address = f"oci://{host}/{name}"
        plain = LOOPBACK.fullmatch(host) is not None if access.plain_http is None else access.plain_http
        self.repository = Repository(host, name, access, plain_http=plain)
        self._has_empty, self._pushing_empty = False, threading.Lock()

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """Yield the object from the offset `start` on; a whole object is compared with its digest."""
        try:
            yield from self.repository.read_blob(f"sha256:{self._content(path).sha256}", start)
        except NotStoredError as error:
            raise NotStoredError(f"{self.address} holds no {path}", details=error.details) from error

    def size(self, path: str) -> int | None:
        """The size of the object in bytes; None when there is no such object."""
        if blob := BLOB.fullmatch(path):
            return self.repository.blob_size(f"sha256:{blob[1]}")
        found = self._find(tag_of(path))
        return found.content.size if found else None

    def sizes(self, paths: Iterable[str]) -> dict[str, int]:
        """The sizes in bytes of those objects among `paths` that exist, asked for side by side."""
        return ask_side_by_side(self.size, paths)

    def put(self, path: str, content: Content, keeps: Sequence[Blob] = ()) -> None:
        """Push a blob, or the content of an object and then its manifest.

        :raises StoreError: a blob's content has another digest than its path, or the registry lacks a blob of `keeps`.
        """
        if blob := BLOB.fullmatch(path):
            self.repository.push_blob(f"sha256:{blob[1]}", content)
            return
        self._push_empty()
        hashed = hashlib.sha256()
        for piece in read_whole(content, path):
            hashed.update(piece)
        layer = Blob(hashed.hexdigest(), content.size)
        self.repository.push_blob(f"sha256:{layer.sha256}", content)
        self.repository.push_manifest(tag_of(path), write_object(path, layer, keeps))

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield every object whose path begins with `prefix`.

        The blobs are those that other objects keep: all other blobs are garbage of the registry.
        """
        of_blobs = prefix.startswith(BLOBS) or BLOBS.startswith(prefix)
        beginning = readable("" if of_blobs else prefix)
        blobs: dict[str, Stored] = {}
        tags = [tag for tag in self.repository.tags() if tag.startswith(beginning)]
        for found in self._find_all(tags):
            if found is None:  # another publisher removed it meanwhile, or it is no object of a store
                continue
            path, created = found.document.object_path or "", found.document.created
            if path.startswith(prefix):
                yield Stored(path, found.content.size, created)
            for layer in found.document.layers[1:] if of_blobs else ():
                path = f"{BLOBS}{layer.sha256}"
                before = blobs.get(path)
                blobs[path] = Stored(path, layer.size, max(created, before.modified if before else 0.0))
        yield from (blob for path, blob in blobs.items() if path.startswith(prefix))

    def delete(self, path: str) -> None:
        """Remove the object; its content becomes garbage of the registry, if no other object has it.

        The image of a release is removed together with the release's manifest.

        :raises UnsupportedError: the registry does not allow deletion.
        """
        if blob := BLOB.fullmatch(path):
            with contextlib.suppress(UnsupportedError):  # then garbage collection removes it
                self.repository.delete_blob(f"sha256:{blob[1]}")
            return
        if release := RELEASE.fullmatch(path):
            self._delete_image(*release.groups())
        if found := self._find(tag_of(path)):
            self.repository.delete_manifest(found.text)

    def _delete_image(self, name: str, version: str) -> None:
        """Remove the image of a release with all its tags, if it has one."""
        tag = image_tag(name, version)
        text = self.repository.read_manifest(tag)
        if text and is_image_of(read_document(text, f"{self.address}:{tag}"), name, version):
            self.repository.delete_manifest(text)

    def _content(self, path: str) -> Blob:
        """The registry's blob that holds the object."""
        if blob := BLOB.fullmatch(path):
            return Blob(blob[1], 0)
        found = self._find(tag_of(path))
        if found is None:
            raise NotStoredError(f"{self.address} holds no {path}")
        return found.content

    def _find(self, tag: str) -> StoredObject | None:
        """The object under a tag; None when there is no such tag, or when its manifest stands for no object."""
        text = self.repository.read_manifest(tag)
        if text is None:
            return None
        document = read_document(text, f"{self.address}:{tag}")
        if document.object_path is None or tag_of(document.object_path) != tag:
            return None
        return StoredObject(text, document, document.layers[0])

    def _find_all(self, tags: Iterable[str]) -> Iterator[StoredObject | None]:
        """Yield the object under each tag, or None; requests run side by side."""
        with crew(SIDE_BY_SIDE) as threads:
            for found in [threads.begin(partial(self._find, tag)) for tag in tags]:
                yield found()

    def _push_empty(self) -> None:
        """Push the configuration that all objects share, if the registry does not have it."""
        digest = f"sha256:{hashlib.sha256(EMPTY).hexdigest()}"
        with self._pushing_empty:  # docker-registry 2.8 fails to find a blob that another request is just pushing
            if not self._has_empty and self.repository.blob_size(digest) is None:
                self.repository.push_blob(digest, Text(EMPTY))
            self._has_empty = True
