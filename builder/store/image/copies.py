"""Pushes and tags the images of the releases of a store, in the registry that holds the store."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from builder.errors import InputError
from builder.events import Notice
from builder.recipe.choices import RootKind
from builder.store.catalog import Release
from builder.store.fetch import fetch, fetch_manifest
from builder.store.image.push import push_image, tag_channels
from builder.store.storage.interface import Storage
from builder.store.storage.oci import OciStorage
from builder.store.storage.registry.images import image_tag
from builder.store.transfer import Transfers, retry


def publish_image(storage: Storage, release: Path, transfers: Transfers) -> None:
    """Push the root of the release in the directory `release` as an image, or emit a notice why there is no image."""
    try:
        tag = retry(lambda: push_image(_registry(storage), release))
    except InputError as error:
        transfers.emit(Notice(f"the root gets no image in the registry: {error.brief}"))
        return
    if tag:
        transfers.emit(Notice(f"its root is the image {storage.address.removeprefix('oci://')}:{tag}"))


def publish_images_of_copies(storage: Storage, releases: Sequence[Release], transfers: Transfers) -> None:
    """Push those images of copied releases that the registry lacks.

    An image is made of the release's files, so the release is fetched into a temporary directory ($TMPDIR) first.
    """
    for release in releases:
        if _lacks_image(_registry(storage), release):
            with tempfile.TemporaryDirectory(prefix="nfsroot-image-") as directory:
                target = Path(directory, release.version)
                fetch(storage, release, target, transfers)
                publish_image(storage, target, transfers)


def name_images(storage: Storage, known: Mapping[str, Sequence[Release]]) -> None:
    """Let the tags of channels lead to the images of the releases that the channels name."""
    tag_channels(_registry(storage), known)


def _lacks_image(storage: OciStorage, release: Release) -> bool:
    if storage.repository.read_manifest(image_tag(release.name, release.version)) is not None:
        return False
    root = fetch_manifest(storage, release).document.get("recipe", {}).get("root", {})
    return bool(root.get("kind") == RootKind.DIRECTORY)


def _registry(storage: Storage) -> OciStorage:
    assert isinstance(storage, OciStorage), "no other kind of store holds images"
    return storage
