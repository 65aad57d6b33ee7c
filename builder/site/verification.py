"""Compares an unpacked release with its record: its tree, and the files that are served or mounted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.disk import sha256
from builder.errors import InputError, NfsrootError
from builder.site import attributes
from builder.site.places import Places
from builder.site.records import Record, read_records
from builder.site.tree import read_listing
from builder.store.tree_check import Difference, compare_entries
from builder.store.tree_entries import FILE as LISTING

SUMS = "SHA256SUMS"
"""The file of a record with the digests of served files, by their paths below the root of the file system."""


@dataclass(frozen=True)
class Verified:
    """The result of a comparison of a release with its record: how many paths were compared, and which differ.

    `note` explains the differences.
    """

    record: Record
    compared: int
    differences: tuple[Difference, ...]
    note: str


def find_records(places: Places, name: str | None, version: str | None) -> list[Record]:
    """The records of all unpacked releases, of those of a name, or of one version.

    :raises InputError: no such release is unpacked.
    """
    every = [record for versions in read_records(places).values() for record in versions.values()]
    found = [each for each in every if name in (None, each.name) and version in (None, each.version)]
    if not found and (name or version):
        there = ", ".join(f"{each.name} {each.version}" for each in every) or "none"
        raise InputError(
            f"{' '.join(filter(None, (name, version)))} is not unpacked here", resolution=f"Unpacked releases: {there}."
        )
    return found


def verify(places: Places, record: Record) -> Verified:
    """Compare an unpacked release with its record."""
    root = record.settings.root
    found = list(_compare_files(places, record))
    if root.overlay:
        return Verified(record, len(_read_sums(record)), tuple(found), "")
    tree = places.on_server(root.directory)
    entries = read_listing(record.directory / LISTING)
    ignored = frozenset(path.lstrip("/") for path in root.shared)
    found += compare_entries(tree, entries, ignored)
    here = attributes.read_attributes(tree, entries.values())
    found += attributes.compare(attributes.read(record.directory), here, entries)
    return Verified(record, len(entries) + len(_read_sums(record)), tuple(found), _note(record, found))


def write_sums(record: Path, root: Path, files: Iterable[tuple[Path, Path]]) -> None:
    """Write the digests of files into a record that is being made, each with the path at which it will stand."""
    lines = [f"{sha256(file)}  {target.relative_to(root)}\n" for file, target in files]
    (record / SUMS).write_text("".join(sorted(lines)), encoding="utf-8")


def _compare_files(places: Places, record: Record) -> Iterator[Difference]:
    for path, digest in _read_sums(record).items():
        file = places.root / path
        if not file.is_file():
            yield Difference(f"/{path}", "is missing", path)
        elif sha256(file) != digest:
            yield Difference(f"/{path}", "other content", path)


def _read_sums(record: Record) -> dict[str, str]:
    file = record.directory / SUMS
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise NfsrootError(f"{file} cannot be read: {error}") from error
    return {path: digest for digest, _, path in (line.partition("  ") for line in lines)}


def _note(record: Record, found: list[Difference]) -> str:
    root = record.settings.root
    if root.access == "rw" and found:
        return (
            f"Nodes write to this tree: what they changed, added and removed since it was unpacked is listed above. "
            f"Only if nobody logged in on a node of {record.name}, and nobody edited {root.directory}, is it damage."
        )
    if root.shared:
        return f"What nodes write is not compared: {', '.join(root.shared)}."
    return ""
