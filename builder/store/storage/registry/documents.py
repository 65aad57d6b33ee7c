"""Manifests of an OCI registry: the JSON that names the blobs of an image, or of an object of a store.

Field names and media types are those of the OCI image specification 1.1 (manifest.md, descriptor.md).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from builder.store.errors import StoreError
from builder.store.storage.interface import Blob

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
OBJECT_TYPE = "application/vnd.nfsroot.object.v1"
"""The type of a manifest that stands for one object of a store."""
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
BYTES_TYPE = "application/octet-stream"
EMPTY = b"{}"
"""The configuration of a manifest that needs none ("Guidance for an Empty Descriptor")."""
PATH = "vnd.nfsroot.path"
CREATED = "org.opencontainers.image.created"
DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
READABLE = 80
"""Characters of a path that its tag shows, at most; a tag has 128 at most."""


@dataclass(frozen=True)
class Document:
    """The fields of a manifest that nfsroot reads."""

    layers: tuple[Blob, ...]
    artifact_type: str
    annotations: Mapping[str, str]

    @property
    def object_path(self) -> str | None:
        """The path of the object for which the manifest stands; None for images and for manifests of others."""
        return self.annotations.get(PATH) if self.artifact_type == OBJECT_TYPE and self.layers else None

    @property
    def created(self) -> float:
        """The time at which the manifest was made, in seconds since 1970; 0 when the manifest does not say."""
        try:
            return datetime.fromisoformat(self.annotations.get(CREATED, "")).timestamp()
        except ValueError:
            return 0.0


def read_document(text: bytes, where: str) -> Document:
    """The manifest in `text`; `where` names its place in messages.

    :raises StoreError: the text is no manifest of an image or an artifact.
    """
    try:
        document = json.loads(text)
        annotations = document.get("annotations") or {}
        return Document(
            layers=tuple(_read_descriptor(layer) for layer in document["layers"]),
            artifact_type=str(document.get("artifactType", "")),
            annotations={str(key): str(value) for key, value in annotations.items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(
            f"{where} is no OCI image manifest",
            details=f"{type(error).__name__}: {error}",
            resolution="Is this the address of a registry, with the store's repository behind its host name?",
        ) from error


def _read_descriptor(descriptor: Mapping[str, Any]) -> Blob:
    """The blob that a descriptor in a manifest names; the digest is checked, since it becomes part of addresses."""
    digest, size = DIGEST.fullmatch(descriptor["digest"]), descriptor["size"]
    if digest is None or not isinstance(size, int) or size < 0:
        raise ValueError(f"{descriptor} names no blob")
    return Blob(digest[1], size)


def tag_of(path: str) -> str:
    """The tag of the object at `path`: a beginning that people can read, and 40 digits of the path's digest.

    The tag begins with `_`, as no name of a release does.
    """
    return f"{readable(path)}.{hashlib.sha256(path.encode()).hexdigest()[:40]}"


def readable(path: str) -> str:
    """The beginning of the tag of each path that begins with `path`."""
    return "_" + re.sub(r"[^A-Za-z0-9.-]", ".", path)[:READABLE]


def describe(kind: str, sha256: str, size: int) -> dict[str, Any]:
    """The descriptor of a blob of the media type `kind`."""
    return {"mediaType": kind, "digest": f"sha256:{sha256}", "size": size}


def write_document(
    config: Mapping[str, Any],
    layers: Sequence[Mapping[str, Any]],
    annotations: Mapping[str, str],
    artifact_type: str | None = None,
) -> bytes:
    """The JSON text of a manifest; the annotations get the time of its making."""
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        **({"artifactType": artifact_type} if artifact_type else {}),
        "config": config,
        "layers": layers,
        "annotations": {CREATED: datetime.now(UTC).isoformat(timespec="seconds"), **annotations},
    }
    return json.dumps(document, indent=1).encode()


def write_object(path: str, content: Blob, keeps: Sequence[Blob]) -> bytes:
    """The manifest of the object at `path`: its first layer is the content, the others are the blobs that it keeps."""
    empty = describe(EMPTY_TYPE, hashlib.sha256(EMPTY).hexdigest(), len(EMPTY))
    blobs = (content, *dict.fromkeys(keeps))
    layers = [describe(BYTES_TYPE, *blob) for blob in blobs]
    return write_document(empty, layers, {PATH: path}, OBJECT_TYPE)
