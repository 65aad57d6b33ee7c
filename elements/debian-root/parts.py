"""The parts of a packed tree: files of one package in a zstd frame, which all trees with the package share.

The parts of a base are packed once, and copied into every packed tree in which their files are unchanged.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from owners import find_owners
from packing import BLOCK, Frame, Packed, pack

REST = "rest"
"""The name of the archive with all paths of a base in no part: directories, settings, files that scripts change."""
QUIET = re.compile(rb"boot/|usr/(?!lib/modules/[^/]+/[^/]+$)")
"""The paths that may be in parts: files that probably only their own package changes, without those of depmod(8)."""
SIZE = 16 << 20
"""The approximate size, in bytes, of the files in a part; after a change, a part of this size is soon packed anew."""
BATCH = 32 << 20
"""The approximate size, in bytes, of the files that one tar(1) and one zstd(1) pack beside other work."""
PIPE = 1 << 20
"""The size, in bytes, of the pipe and the blocks between zstd(1) and tar(1).

With the defaults of 64 KiB and 10 KiB they take an eighth longer.
"""
TICK = 0.02
"""The seconds after which the kernel's clock for inodes has moved on; it ticks at least a hundred times a second."""
FRACTION = re.compile(rb" \d+\.(?!0+ )\d+ ")
"""A time with a fraction of a second, by which a file system shows that it keeps fractions."""
FIND = r"%y %i %C@ %n %s %m %U %G %P\0%l\0"


class Entry(NamedTuple):
    """The state of a path in a tree: its type (find(1), %y), inode, time of the last change, hard links, size in bytes.

    Mode (octal digits), owner's and group's numbers, and a symbolic link's target are in the form of find(1).
    """

    kind: bytes
    inode: bytes
    changed: bytes
    links: int
    size: int
    mode: bytes
    owner: bytes
    group: bytes
    target: bytes


Entries = Mapping[bytes, Entry]


class Group(NamedTuple):
    """A group of files of a package that are packed together."""

    package: bytes
    paths: tuple[bytes, ...]


class Part(NamedTuple):
    """A packed group: its frame, and the SHA-256 of each file's content by path; further names of a file have none."""

    group: Group
    frame: Frame
    digests: Mapping[bytes, bytes]

    def stands(self, before: Entries, after: Entries) -> bool:
        """Whether all files of the part are unchanged: their inodes have the same numbers and times of change."""
        return all(path in before and before[path] == after.get(path) for path in self.group.paths)


def survey(tree: Path, *, last: bool = False) -> bytes:
    """All paths below a directory, on its file system, in the form that `entries` reads.

    The function waits until the clock has moved on, so that later changes have later times than all inodes here.  It
    does not wait in the `last` survey, after which nobody changes files.
    """
    found = subprocess.run(
        ["find", tree, "-mindepth", "1", "-xdev", "-printf", FIND], stdout=subprocess.PIPE, check=True
    )
    if not last:
        time.sleep(TICK if FRACTION.search(found.stdout) else 1 + TICK)
    return found.stdout


def entries(surveyed: bytes) -> Entries:
    """The entries in the result of `survey`, by path."""
    fields = surveyed.split(b"\0")
    found: dict[bytes, Entry] = {}
    for row, target in zip(fields[0:-1:2], fields[1:-1:2], strict=True):
        kind, inode, changed, links, size, mode, owner, group, path = row.split(b" ", 8)
        found[path] = Entry(kind, inode, changed, int(links), int(size), mode, owner, group, target)
    return found


def cut(candidates: Entries, owners: Mapping[bytes, bytes], taken: Collection[bytes] = ()) -> list[Group]:
    """Groups of files that will probably not change, in the order of packages, without the paths in `taken`.

    A file with several names is in a group only if all names are.
    """
    brought: dict[bytes, list[bytes]] = defaultdict(list)
    for path, entry in sorted(candidates.items()):
        if entry.kind in (b"f", b"l") and path in owners and path not in taken and QUIET.match(path):
            brought[owners[path]].append(path)
    pieces = ((package, piece) for package, paths in sorted(brought.items()) for piece in pile(paths, candidates, SIZE))
    groups = (Group(package, tuple(without_strays(piece, candidates))) for package, piece in pieces)
    return [group for group in groups if group.paths]


def pile(paths: Iterable[bytes], of: Entries, most: int) -> Iterator[list[bytes]]:
    """Yield the paths in order, in lists that end when they have `most` bytes or more; the last may have fewer."""
    piled: list[bytes] = []
    size = 0
    for path in paths:
        piled.append(path)
        size += of[path].size
        if size >= most:
            yield piled
            piled, size = [], 0
    if piled:
        yield piled


def cut_rest(paths: Iterable[bytes], of: Entries) -> list[list[bytes]]:
    """Lists of paths that are packed in parallel; the last one has all files with several names.

    tar(1) links several names of a file only within one archive.
    """
    alone, linked = [], []
    for path in paths:
        (linked if of[path].kind == b"f" and of[path].links > 1 else alone).append(path)
    return [*pile(alone, of, SIZE), *([linked] if linked else [])]


def without_strays(paths: list[bytes], of: Entries) -> list[bytes]:
    """The paths without those of files that have further names outside of `paths`."""
    here = Counter(of[path].inode for path in paths)
    return [path for path in paths if here[of[path].inode] == of[path].links]


class Maker:
    """A maker of a tree's parts in `directory`, which works beside the installation, before the tree is finished."""

    def __init__(self, tree: Path, directory: Path, pool: ThreadPoolExecutor) -> None:
        self._tree, self._directory, self._pool = tree, directory, pool
        self._numbers = itertools.count()
        self._before: Entries = {}
        self._begun: list[tuple[list[Group], Path, Future[Packed]]] = []

    def begin(self) -> None:
        """Begin to make parts of the files that are in the tree now."""
        self._before = entries(survey(self._tree))
        self._begin(self._before)

    def end(self) -> None:
        """Keep the parts whose files are unchanged, make parts of new and changed files, and pack the rest."""
        after = entries(survey(self._tree, last=True))
        begun, self._begun = self._begun, []
        kept = [part for each in begun for part in self._keep(*each, after)]
        taken = {path for part in kept for path in part.group.paths}
        taken.update(path for group in self._begin(after, taken) for path in group.paths)
        rest = sorted(path for path in after.keys() - taken if after[path].kind != b"s")
        pack(self._tree, cut_rest(rest, after), self._directory / REST, lanes=os.cpu_count() or 1)
        for groups, _, packed in self._begun:
            kept += join(groups, packed.result())
        for part in kept:
            write_listing(part)

    def _keep(self, groups: list[Group], stem: Path, packed: Future[Packed], after: Entries) -> list[Part]:
        """The parts of a batch whose files are unchanged; remove the others."""
        if packed.exception():  # tar(1) may have failed because a file was changed or removed while it was read
            if all(self._before[path] == after.get(path) for group in groups for path in group.paths):
                packed.result()
            for made in stem.parent.glob(f"{stem.name}*"):
                made.unlink()
            return []
        kept = []
        for part in join(groups, packed.result()):
            if part.stands(self._before, after):
                kept.append(part)
            else:
                part.frame.file.unlink()
        return kept

    def _begin(self, candidates: Entries, taken: Collection[bytes] = ()) -> list[Group]:
        """Begin to make parts of the candidates that are not taken, and return their groups."""
        groups = cut(candidates, find_owners(self._tree), taken)
        for batch in batches(groups, candidates):
            stem = self._directory / f"part-{next(self._numbers):03}-"
            paths = [group.paths for group in batch]
            self._begun.append((batch, stem, self._pool.submit(pack, self._tree, paths, stem)))
        return groups


def batches(groups: Iterable[Group], of: Entries) -> Iterator[list[Group]]:
    """Yield the groups in order, in lists that one tar(1) packs."""
    batch: list[Group] = []
    size = 0
    for group in groups:
        batch.append(group)
        size += sum(of[path].size for path in group.paths)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def join(groups: Iterable[Group], packed: Packed) -> list[Part]:
    """The parts that consist of `groups` and their frames."""
    return [Part(group, frame, packed.digests) for group, frame in zip(groups, packed.frames, strict=True)]


def inner_first(directories: Iterable[bytes]) -> list[bytes]:
    """The directories in their order at the end of an archive: subdirectories come before their parent.

    A program that unpacks the archive then sets a directory's time when nothing more is put into the directory.  tar(1)
    sets the time after the entries that follow the directory's own and stand below it; it does not set the time again
    after later entries.
    """
    return sorted(directories, key=lambda path: path.split(b"/"), reverse=True)


def listing(archive: Path) -> Path:
    """The path of the file with the digests and paths of a part."""
    return archive.with_name(archive.name.replace(".tar.zst", ".paths"))


def write_listing(part: Part) -> None:
    """Write the listing beside a part: its frame's digest and its package, then each file's digest and path."""
    rows = [b"%s %s" % (part.frame.sha256.encode(), part.group.package)]
    rows += [b"%s %s" % (part.digests.get(path, b""), path) for path in part.group.paths]
    listing(part.frame.file).write_bytes(b"\0".join(rows))


def read_part(archive: Path) -> Part:
    """The part of a base whose frame is the file `archive`."""
    first, *rows = (row.split(b" ", 1) for row in listing(archive).read_bytes().split(b"\0"))
    group = Group(first[1], tuple(path for _, path in rows))
    frame = Frame(archive, first[0].decode(), archive.stat().st_size)
    return Part(group, frame, {path: digest for digest, path in rows if digest})


def parts(directory: Path) -> list[Part]:
    """The parts of a base in a directory."""
    return [read_part(archive) for archive in sorted(directory.glob("part-*.tar.zst"))]


def unpack(directory: Path, tree: Path) -> None:
    """Unpack a base that `Maker` made; the rest comes last, because it sets the directories' modes and times."""
    found = parts(directory)
    archives = [part.frame.file for part in found]
    # Two tars that make one directory at the same time may both fail.
    for parent in {os.path.dirname(path) for part in found for path in part.group.paths}:  # noqa: PTH120  (bytes)
        os.makedirs(os.path.join(os.fsencode(tree), parent), exist_ok=True)  # noqa: PTH103, PTH118
    lanes = os.cpu_count() or 1
    with ThreadPoolExecutor(lanes) as pool:
        list(pool.map(lambda lane: extract(archives[lane::lanes], tree), range(lanes)))
    extract(sorted(directory.glob(f"{REST}*.tar.zst")), tree)


def extract(archives: list[Path], tree: Path) -> None:
    """Unpack archives of parts, with owners, modes and extended attributes."""
    if not archives:
        return
    command = ["zstd", "--quiet", "--decompress", "--stdout", *archives]
    plain = subprocess.Popen(command, stdout=subprocess.PIPE, pipesize=PIPE)
    options = [
        "--xattrs",
        "--xattrs-include=*",
        "--numeric-owner",
        "--preserve-permissions",
        "--delay-directory-restore",
        f"--blocking-factor={PIPE // BLOCK}",
    ]
    subprocess.run(["tar", "--extract", f"--directory={tree}", *options], stdin=plain.stdout, check=True)
    if plain.wait():
        raise subprocess.CalledProcessError(plain.returncode, plain.args)
