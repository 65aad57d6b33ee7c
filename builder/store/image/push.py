"""Pushes the image of a release to the registry that holds the store, and gives it tags."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from builder.parallel import crew
from builder.store.catalog import Release
from builder.store.errors import RefusedError
from builder.store.image.form import Image, image_of
from builder.store.storage.interface import Text
from builder.store.storage.many import SIDE_BY_SIDE
from builder.store.storage.oci import BLOBS, OciStorage
from builder.store.storage.registry.documents import CREATED, describe, read_document, write_document
from builder.store.storage.registry.images import TITLE, VERSION, image_tag, is_image_of

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+zstd"


def push_image(storage: OciStorage, release: Path) -> str | None:
    """Push the image of the root of the release in the directory `release`; return its tag, None if it has no image.

    Layers that the registry has are not sent: most of them are parts of the release, so push those first.

    :raises InputError: the root tarball is damaged, or holds a file that no image can hold.
    :raises RefusedError: the tag is that of another release's image.
    """
    image = image_of(release)
    if image is None:
        return None
    tag = image_tag(image.name, image.version)
    _refuse_other(storage, tag, image)
    _push_layers(storage, image)
    config = hashlib.sha256(image.config).hexdigest()
    storage.put(f"{BLOBS}{config}", Text(image.config))
    storage.repository.push_manifest(tag, _describe(image, config))
    return tag


def tag_channels(storage: OciStorage, known: Mapping[str, Sequence[Release]]) -> None:
    """Let the tag NAME-CHANNEL of each channel lead to the image of the release that the channel names.

    The tag of a channel that names no release any more stays: registries remove tags with their image only.  A channel
    that has the name of a version gets no tag.
    """
    releases = [release for same_name in known.values() for release in same_name]
    tags = {image_tag(release.name, release.version) for release in releases}
    for release in (release for release in releases if release.channels):
        document = storage.repository.read_manifest(image_tag(release.name, release.version))
        if document is None:  # the root is no directory, or the release comes from another store
            continue
        for tag in {image_tag(release.name, channel) for channel in release.channels} - tags:
            if storage.repository.read_manifest(tag) != document:
                storage.repository.push_manifest(tag, document)


def _refuse_other(storage: OciStorage, tag: str, image: Image) -> None:
    """Refuse a tag that another release's image has: two releases may have one tag.

    Tags have fewer letters than versions, and do not show where the name of a release ends.
    """
    text = storage.repository.read_manifest(tag)
    if text is None:
        return
    held = read_document(text, f"{storage.address}:{tag}")
    if not is_image_of(held, image.name, image.version):
        other = " ".join(held.annotations.get(key, "?") for key in (TITLE, VERSION))
        raise RefusedError(
            f"{storage.address}:{tag} is the image of {other}, and would be that of {image.name} {image.version}",
            resolution="Build the release with another version, or publish it to another repository.",
        )


def _push_layers(storage: OciStorage, image: Image) -> None:
    paths = {f"{BLOBS}{layer.blob.sha256}": layer for layer in image.layers}
    held = storage.sizes(paths)
    with crew(SIDE_BY_SIDE) as threads:
        missing = [partial(storage.put, path, layer) for path, layer in paths.items() if path not in held]
        for pushed in [threads.begin(push) for push in missing]:
            pushed()


def _describe(image: Image, config: str) -> bytes:
    """The image's manifest, with the same bytes for every image of one release."""
    layers = [describe(LAYER_TYPE, *layer.blob) for layer in image.layers]
    annotations = {TITLE: image.name, VERSION: image.version, CREATED: image.created}
    return write_document(describe(CONFIG_TYPE, config, len(image.config)), layers, annotations)
