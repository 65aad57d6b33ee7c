"""A store in a directory that notes which of its objects are written and read, and releases in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from small_release import make_release

from builder.store.page.plan import Catalog
from builder.store.publish import Candidate, Permissions, Publisher, lab_file, open_or_make_store, publish
from builder.store.reader import TrustedStore, open_trusted
from builder.store.release import read_manifest
from builder.store.release_files import check_unsent
from builder.store.storage.directory import DirectoryStorage
from builder.store.storage.interface import Blob, Content
from builder.store.transfer import Transfers


class NotedStorage(DirectoryStorage):
    """A store in a directory: `written` and `read` hold the paths of objects, in the order of the calls."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.written: list[str] = []
        self.read_paths: list[str] = []

    def put(self, path: str, content: Content, keeps: Sequence[Blob] = ()) -> None:
        super().put(path, content, keeps)
        self.written.append(path)

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        self.read_paths.append(path)
        return super().stream(path, start)

    def pages(self) -> list[str]:
        """The pages that were written since this was asked last, but the first page and the list of pages."""
        found = sorted(path for path in self.written if path.startswith("pages/"))
        self.written.clear()
        return found


class PublishedStore:
    """A store and the directory from which releases are published to it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.storage = NotedStorage(directory / "store")
        self.transfers = Transfers(lambda _event: None)

    def publisher(self) -> Publisher:
        return open_or_make_store(self.storage, None, lambda _text: None)

    def publish(
        self, version: str, *, name: str = "small", channel: str = "", lab: str = "passed", **fields: Any
    ) -> None:
        release = make_release(self.directory / "releases", name=name, version=version, lab=lab, **fields)
        manifest = read_manifest(release)
        check = partial(check_unsent, release, manifest)
        candidate = Candidate(release, manifest, lab, partial(lab_file, release), check)
        publish(self.publisher(), candidate, self.transfers, channel=channel, allowed=Permissions(unproved=True))

    def trusted(self) -> TrustedStore:
        return open_trusted(self.storage)

    def text(self, path: str) -> str:
        return (self.storage.root / path).read_text()

    def page_files(self) -> dict[str, bytes]:
        """The bytes of every page, by its path."""
        files = [self.storage.root / "index.html", *self.storage.root.glob("pages/*/*.html")]
        return {str(file.relative_to(self.storage.root)): file.read_bytes() for file in files}


def versions(catalog: Catalog) -> list[str]:
    """The releases of a catalog, as references."""
    return [release.reference for releases in catalog.values() for release in releases]
