"""Reads the manifests of releases for a store: the files of a release, and the parts of the files.

An NFS server reads manifests, too, and has no pydantic: this module needs Python's standard library alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.errors import InputError
from builder.store import layout
from builder.store.storage.interface import Blob

MANIFEST = "manifest.json"
LAB = "lab.json"
SUMS = "SHA256SUMS"
SCHEMAS = (1, 2)
"""The versions of the manifest's schema that this module reads (docs/reference/manifest.md)."""

MOST_BYTES = 64 << 20
"""The most bytes that a manifest, or another file that describes a release, may have."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ReleaseFile:
    """A file of a release, which is the concatenation of its parts; `size` is in bytes."""

    path: str
    size: int
    sha256: str
    parts: tuple[Blob, ...]

    def offsets(self) -> Iterator[tuple[int, Blob]]:
        """Yield each part with its offset in the file, in bytes."""
        offset = 0
        for part in self.parts:
            yield offset, part
            offset += part.size


@dataclass(frozen=True)
class ReleaseManifest:
    """The fields of a manifest that a store needs; `content` is the manifest's bytes, `document` all of its fields."""

    name: str
    version: str
    files: tuple[ReleaseFile, ...]
    packages: Mapping[str, str]
    """The version of each Debian package in the tree, by the package's name."""
    document: Mapping[str, Any]
    content: bytes

    @property
    def sha256(self) -> str:
        """The digest of the manifest's bytes, by which lab.json names the manifest that it is about."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def size(self) -> int:
        """The size of the release's files in bytes."""
        return sum(file.size for file in self.files)

    def blobs(self) -> list[Blob]:
        """Every part of the release once, the largest first: transfers that begin with them end together."""
        found = {part for file in self.files for part in file.parts}
        return sorted(found, key=lambda part: (-part.size, part.sha256))

    def sums(self) -> bytes:
        """The content of the release's SHA256SUMS."""
        digests = {file.path: file.sha256 for file in self.files} | {MANIFEST: self.sha256}
        return "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items())).encode()


def read_manifest(directory: Path) -> ReleaseManifest:
    """The manifest of the release in `directory`.

    :raises InputError: the directory holds no release, or its manifest cannot be read.
    """
    file = directory / MANIFEST
    try:
        text = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{directory} holds no release: there is no {file}", resolution="`nfsroot list` names the releases."
        ) from None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    return parse_manifest(text, str(file))


def parse_manifest(text: bytes, where: str) -> ReleaseManifest:
    """The manifest with the bytes `text`; `where` says in messages where they come from.

    :raises InputError: the bytes are no manifest, are of a newer schema, or name a file outside the release.
    """
    try:
        document = json.loads(text)
        schema = document["schema_version"]
        if schema not in SCHEMAS:
            raise InputError(
                f"{where} is a manifest of schema {schema}; this nfsroot reads schemas 1 and 2",
                resolution="Install the nfsroot that made the release, or a newer one.",
            )
        manifest = ReleaseManifest(
            name=_name(document["name"]),
            version=_name(document["version"]),
            files=tuple(_file(table, schema) for table in document["files"]),
            packages={str(table["name"]): str(table["version"]) for table in document["packages"]},
            document=document,
            content=text,
        )
        if len({file.path for file in manifest.files}) != len(manifest.files):
            raise ValueError("a file is listed twice")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{where} is not a manifest of a release: {error}") from error
    return manifest


def _file(table: Mapping[str, Any], schema: int) -> ReleaseFile:
    path, size, sha256 = str(table["path"]), table["size"], str(table["sha256"])
    parts = tuple(map(read_blob, table["parts"])) if schema > 1 else (read_blob(table),)
    read_blob(table)
    if sum(part.size for part in parts) != size:
        raise ValueError(f"the parts of {path} do not add up to its {size} bytes")
    if len(parts) == 1 and parts[0].sha256 != sha256:
        raise ValueError(f"the one part of {path} has another digest than the file")
    return ReleaseFile(_inside(path), size, sha256, parts)


def read_blob(table: Mapping[str, Any]) -> Blob:
    """The digest and the size in a table.

    :raises ValueError: the values are no SHA-256 in hexadecimal digits and no size in bytes.
    :raises KeyError: the table lacks one of them.
    """
    sha256, size = table["sha256"], table["size"]
    if not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        raise ValueError(f"{sha256!r} is no SHA-256")
    if not (isinstance(size, int) and not isinstance(size, bool) and size >= 0):
        raise ValueError(f"{size!r} is no size")
    return Blob(sha256, size)


def _inside(path: str) -> str:
    """The path, checked: it lies in the release, and is not the name of a file that describes the release.

    :raises ValueError: the path is none of a file of a release.
    """
    components = path.split("/")
    if not all(layout.NAME.fullmatch(component) for component in components) or components[0] in (MANIFEST, SUMS, LAB):
        raise ValueError(f"{path!r} is no path of a file of a release")
    return path


def _name(text: object) -> str:
    if not (isinstance(text, str) and layout.NAME.fullmatch(text)):
        raise ValueError(f"{text!r} is no name or version of a release")
    return text
