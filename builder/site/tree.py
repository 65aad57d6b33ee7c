"""Fills the directory of a release's tree: clones equal files, unpacks the rest of the root tarball, compares all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from builder.counting import count
from builder.disk import sync_file_system
from builder.errors import InputError
from builder.events import Emit
from builder.parallel import Crew
from builder.release.unpacking import unpack_zstd
from builder.site import clones
from builder.site.archive import unpack_archive
from builder.site.donors import Donor
from builder.site.source import Source
from builder.store.errors import UntrustedError
from builder.store.tree_check import Difference, compare_entries
from builder.store.tree_entries import Entry, read_entries

MOST_BYTES_OF_LIST = 1 << 30
"""The largest list of a tree, in bytes: some five million paths."""

SHOWN = 10
"""The most differences that an error shows."""


@dataclass(frozen=True)
class Filled:
    """The result of filling a directory: `synced` waits until the tree is on the disk.

    `with_attributes` are the entries whose members in the archive have extended attributes.
    """

    synced: Callable[[], None]
    with_attributes: Sequence[Entry]


def read_listing(listing: Path) -> dict[str, Entry]:
    """The entries of the list of a tree.

    :raises InputError: the list cannot be read.
    """
    text = unpack_zstd(listing.read_bytes(), MOST_BYTES_OF_LIST, str(listing))
    try:
        return read_entries(text.decode().split("\n")[:-1])
    except UnicodeDecodeError as error:
        raise InputError(f"{listing} is damaged: it is no text in UTF-8") from error


def fill_tree(
    source: Source,
    archive: Path,
    tree: Path,
    entries: Mapping[str, Entry],
    cloned: set[str],
    aside: Crew,
    emit: Emit,
) -> Filled:
    """Unpack the tree of a release into a directory, in which some files are clones, and compare it with its list.

    Clones at whose paths the archive has second names of files, or files with extended attributes, are replaced by the
    members of the archive, and taken out of `cloned`.  A thread of `aside` brings the tree to the disk meanwhile.

    :raises UntrustedError: a path differs from the list.
    """
    while True:
        unpacked = unpack_archive(archive, tree, entries, emit, cloned)
        odd = clones.restore(tree, cloned, entries, unpacked.members) if cloned else set()
        if not odd:
            break
        cloned -= odd
        for path in odd:
            (tree / path).unlink()
    synced = aside.begin(partial(sync_file_system, tree))
    refuse(source, list(compare_entries(tree, entries, digests=unpacked.digests)))
    return Filled(synced, [entries[path] for path, member in unpacked.members.items() if member.has_attributes])


def describe(entries: Mapping[str, Entry], cloned: set[str], donor: Donor | None) -> str:
    """A tree in words: the number of its paths, and how much of it is shared with another tree."""
    size = sum(entries[path].size for path in cloned)
    shared = f"; {size / 1e6:.0f} MB are shared with {donor.tree}" if cloned and donor else ""
    return f"{len(entries)} paths are as listed{shared}"


def refuse(source: Source, found: list[Difference]) -> None:
    """Refuse a tree with differences from its list.

    :raises UntrustedError: there are differences.
    """
    if found:
        raise UntrustedError(
            f"{source.manifest.name} {source.manifest.version} is refused: its root tarball differs from the list of "
            f"its tree in {count(len(found), 'path')}",
            details=lines_of(found),
            resolution="The archive is not what nfsroot makes: ask its publisher.",
        )


def lines_of(found: list[Difference]) -> str:
    """The first of some differences, a line each."""
    lines = [f"  {difference}" for difference in found[:SHOWN]]
    return "\n".join([*lines, *([f"  and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])])
