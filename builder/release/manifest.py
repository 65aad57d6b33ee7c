"""The manifest of a release: the result of a build, which is the same in every build of the same content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pydantic_core
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

import builder
from builder.debian.relations import version_key
from builder.disk import sha256
from builder.errors import InputError
from builder.recipe.models import Recipe
from builder.release.names import FILE as FILE
from builder.release.names import SUMS as SUMS
from builder.release.names import Lab as Lab

if TYPE_CHECKING:
    from builder.packing.archive import Joined

SCHEMA_VERSION = 2
BEFORE_PARTS = 1
"""The schema of releases whose files had no parts, and whose tree had no list."""
MISTAKES_SHOWN = 5
SHA256 = r"^[0-9a-f]{64}$"
INNERMOST = re.compile(r"\{\n[^{}\[\]]*\}")
"""A JSON object without objects and lists in it: it is written in one line, which makes a manifest a tenth smaller."""
LINE_BREAK = re.compile(r"\n *")


class Model(BaseModel):
    """A frozen table of the manifest."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Part(Model):
    """Bytes of a file that other releases may have, too; `size` is in bytes."""

    sha256: str = Field(pattern=SHA256)
    size: int


class ReleasedFile(Model):
    """One file of the release; `path` is relative to the release's directory, `size` in bytes."""

    path: str
    size: int
    sha256: str = Field(pattern=SHA256)
    parts: tuple[Part, ...] = Field(description="What the file is the concatenation of; one part is the file itself.")

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        size = sum(part.size for part in self.parts)
        if size != self.size:
            raise ValueError(f"the parts of {self.path} have {size} bytes, and the file has {self.size}")
        if len(self.parts) == 1 and self.parts[0].sha256 != self.sha256:
            raise ValueError(f"the one part of {self.path} has another digest than the file")
        return self


class Package(Model):
    """One Debian package in the tree."""

    name: str
    version: str
    architecture: str
    source: str = Field(description="Source package; the package's own name when it is the same.")
    security: str | None = Field(
        default=None,
        description="The newest version in the security archive that this version is not older than, if any; "
        "null in releases of which it is not known.",
    )


class Manifest(Model):
    """manifest.json of a release."""

    schema_version: int = Field(default=SCHEMA_VERSION, description="Version of this schema.")
    name: str = Field(description="Name of the release.")
    version: str = Field(description="Version of the release.")
    content: str = Field(description="Key over everything that the release was made from, the version left out.")
    source_date: int = Field(description="Seconds since 1970 (UTC): the time of everything that the build made.")
    kernel_version: str = Field(description="As in vmlinuz-KVER and /lib/modules/KVER.")
    server_directory: str = Field(description="Where the root tarball is unpacked on the NFS server.")
    recipe: dict[str, Any] = Field(description="The recipe, resolved; a password's hash is hashed once more.")
    tools: dict[str, str] = Field(description="Versions of the tools that made the release.")
    steps: dict[str, str] = Field(description="Key of each step.")
    code: dict[str, str] = Field(
        default={}, description="SHA-256 of the code of nfsroot that makes what differs from release to release."
    )
    files: tuple[ReleasedFile, ...] = Field(
        description="Every file of the build but this one, SHA256SUMS and build.log."
    )
    packages: tuple[Package, ...] = Field(description="Every package in the tree.")

    @model_validator(mode="before")
    @classmethod
    def _of_older_schema(cls, document: Any) -> Any:
        """The document of a manifest; in a schema without parts, each file gets itself as its one part."""
        if not (isinstance(document, dict) and document.get("schema_version") == BEFORE_PARTS):
            return document
        files = document.get("files")
        return {**document, "files": list(map(_with_itself_as_part, files)) if isinstance(files, list) else files}

    @property
    def lost(self) -> tuple[str, ...]:
        """A sentence for each fact that a manifest of an older schema lacks."""
        if self.schema_version > BEFORE_PARTS:
            return ()
        return (
            "It names no parts of its files, so that each file that differs from another release's counts as new.",
            "It has no list of its tree, tree.tsv.zst.",
        )

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """The manifest of the release in `directory`.

        Fields that this nfsroot does not know are left out.

        :raises InputError: the file is not a manifest, or lacks a field that this nfsroot needs.
        """
        file = directory / FILE
        try:
            text = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror}") from error
        return cls.parse(text, str(file))

    @classmethod
    def parse(cls, text: bytes, where: str) -> Manifest:
        """The manifest in the bytes `text`; `where` says in messages where they come from.

        :raises InputError: the bytes are not a manifest, or lack a field that this nfsroot needs.
        """
        try:
            return cls.model_validate_json(text, extra="ignore")
        except ValidationError as error:
            raise InputError(
                f"{where} is not a manifest that nfsroot {builder.__version__} can read{_made_by(text)}",
                details=explain(error),
                resolution="Use the nfsroot that made the release, or build it anew and remove this directory.",
            ) from error

    def read_recipe(self) -> Recipe:
        """The recipe that the release was made from; keys that this nfsroot does not know are left out.

        :raises InputError: the recipe lacks a setting that this nfsroot needs.
        """
        try:
            return Recipe.model_validate(self.recipe, extra="ignore")
        except ValidationError as error:
            maker = self.tools.get("nfsroot", "another version")
            raise InputError(
                f"nfsroot {builder.__version__} cannot read the recipe in the manifest of {self.name} {self.version}, "
                f"which nfsroot {maker} made",
                details=explain(error),
                resolution=f"Use nfsroot {maker} for this release, or build it anew with this one.",
            ) from error

    def text(self) -> str:
        """The text of the manifest in manifest.json."""
        text = self.model_dump_json(indent=1)
        return INNERMOST.sub(lambda table: LINE_BREAK.sub(" ", table[0]), text) + "\n"


def explain(error: ValidationError) -> str:
    """The first few mistakes in a file that a program wrote, one on each line."""
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{'.'.join(map(str, mistake['loc'])) or 'the file'}: {mistake['msg']}" for mistake in mistakes]
    return "\n".join([*lines[:MISTAKES_SHOWN], *(["..."] if lines[MISTAKES_SHOWN:] else [])])


def _with_itself_as_part(file: Any) -> Any:
    """A file's table, with the file itself added as its one part."""
    if not (isinstance(file, dict) and file.keys() >= {"sha256", "size"}):
        return file
    return {**file, "parts": ({"sha256": file["sha256"], "size": file["size"]},)}


def _made_by(text: bytes) -> str:
    """Words on the nfsroot that wrote a manifest, if the manifest says so."""
    try:
        return f"; nfsroot {pydantic_core.from_json(text)['tools']['nfsroot']} made it"
    except (ValueError, LookupError, TypeError):
        return ""


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of manifest.json."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Manifest.model_json_schema()}


def released_files(directory: Path, joined: Iterable[Joined]) -> tuple[ReleasedFile, ...]:
    """Every file below `directory`, sorted by path, with its size and digest; files that were `joined` have parts."""
    archives = {archive.path: archive for archive in joined}
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    released = []
    for file in files:
        path, size, archive = str(file.relative_to(directory)), file.stat().st_size, archives.get(file)
        released.append(released_file(path, size, archive.hash() if archive else sha256(file), archive))
    return tuple(released)


def released_file(path: str, size: int, digest: str, joined: Joined | None = None) -> ReleasedFile:
    """A file at `path` in a release, of `size` bytes, with its SHA-256: one part, unless it was `joined` from parts."""
    parts = [Part(sha256=part.sha256, size=part.size) for part in joined.parts] if joined else []
    return ReleasedFile(path=path, size=size, sha256=digest, parts=tuple(parts) or (Part(sha256=digest, size=size),))


def packages(tsv: Path) -> tuple[Package, ...]:
    """The packages in a packages.tsv: name, version, architecture and source, tab-separated."""
    rows = (line.split("\t") for line in tsv.read_text(encoding="utf-8").splitlines())
    return tuple(
        Package(name=name, version=version, architecture=architecture, source=source.split(" ")[0] or name)
        for name, version, architecture, source in rows
    )


def add_security(packages: Iterable[Package], fixed: Mapping[tuple[str, str], Sequence[str]]) -> tuple[Package, ...]:
    """The packages, each with the newest version in the security archive that the package is not older than.

    `fixed` has the versions in the security archive, the oldest first, by name and architecture.
    """
    return tuple(
        each.model_copy(update={"security": _newest(fixed.get((each.name, each.architecture), ()), each.version)})
        for each in packages
    )


def _newest(versions: Sequence[str], limit: str) -> str:
    """The last of the versions that is not newer than `limit`; empty when there is none."""
    return next((each for each in reversed(versions) if version_key(each) <= version_key(limit)), "")
