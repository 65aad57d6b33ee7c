"""The OCI image of a release: its configuration, and its layers as slices of the root tarball (image-spec 1.1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from builder.layout import Layout
from builder.recipe.choices import RootKind
from builder.release.manifest import Manifest
from builder.store.image.frames import decompress
from builder.store.image.layers import choose
from builder.store.image.pieces import Piece, Slice, cut
from builder.store.storage.interface import Blob, FileSlice

COMMAND = ("/bin/bash",)
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of Debian's login(1) for root."""
ARCHITECTURES = {"i386": "386"}
"""Go's names of Debian's architectures, where they differ (config.md, `architecture`)."""


@dataclass(frozen=True)
class Layer:
    """A layer of an image: slices of the root tarball `file`, joined; `blob` is their digest and size.

    `diff_id` is the SHA-256 of the layer without compression.
    """

    file: Path
    slices: tuple[Slice, ...]
    blob: Blob
    diff_id: str

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self.blob.size

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most 1 MiB."""
        for each in self.slices:
            yield from FileSlice(self.file, each.start, each.part.size).pieces()


@dataclass(frozen=True)
class Image:
    """The image of the release `name` `version`, and the text of its configuration; the lowest layer is the first.

    `created` is the release's source date.
    """

    name: str
    version: str
    created: str
    config: bytes
    layers: tuple[Layer, ...]


def image_of(release: Path) -> Image | None:
    """The image of the root of the release in the directory `release`; None where the root is no tarball.

    :raises InputError: the root tarball is damaged, or holds a file that no image can hold.
    """
    manifest = Manifest.read(release)
    recipe = manifest.read_recipe()
    if recipe.root.kind is not RootKind.DIRECTORY:
        return None
    root = next(file for file in manifest.files if file.path == Layout(recipe, manifest.version).root_file)
    layers = tuple(_join(release / root.path, pieces) for pieces in choose(cut(release, root)))
    return Image(
        manifest.name,
        manifest.version,
        _created(manifest),
        _configure(manifest, recipe.debian.architecture, layers),
        layers,
    )


def _join(file: Path, pieces: Sequence[Piece]) -> Layer:
    """The layer of some pieces.

    The digests of a single part are known; for several parts, the parts are read once more to compute them.
    """
    slices = tuple(each for piece in pieces for each in piece.slices)
    if len(slices) == 1:
        part = slices[0].part
        return Layer(file, slices, Blob(part.sha256, part.size), slices[0].plain_sha256)
    joined, plain = hashlib.sha256(), hashlib.sha256()
    layer = Layer(file, slices, Blob("", sum(each.part.size for each in slices)), "")
    for data in decompress(_hashed(layer, joined)):
        plain.update(data)
    return Layer(file, slices, Blob(joined.hexdigest(), layer.size), plain.hexdigest())


def _hashed(layer: Layer, into: Any) -> Iterator[bytes]:
    for piece in layer.pieces():
        into.update(piece)
        yield piece


def _configure(manifest: Manifest, architecture: str, layers: Sequence[Layer]) -> bytes:
    """The image's configuration (config.md), with the same bytes for every image of one release."""
    configuration = {
        "created": _created(manifest),
        "architecture": ARCHITECTURES.get(architecture, architecture),
        "os": "linux",
        "config": {"Cmd": COMMAND, "Env": [PATH]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.diff_id}" for layer in layers]},
    }
    return json.dumps(configuration).encode()


def _created(manifest: Manifest) -> str:
    """The release's source date, in the form of RFC 3339."""
    return datetime.fromtimestamp(manifest.source_date, UTC).isoformat()
