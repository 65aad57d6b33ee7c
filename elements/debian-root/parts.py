"""Parts of a packed tree: files of one package, in a zstd frame of its own that two trees with the package share.

The parts of a base are packed once, and taken into every tree that left their files as they were.
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
"""What is in no part of a base: directories, settings, what packages' scripts change."""
QUIET = re.compile(rb"boot/|usr/(?!lib/modules/[^/]+/[^/]+$)")
"""Paths of files that nothing is likely to change but the package that brings them; depmod(8) changes its own.  Others
are in no part."""
SIZE = 16 << 20
"""Bytes in the files of a part, about, where a package has more: one that is lost to a change is soon packed."""
BATCH = 32 << 20
"""Bytes in the files of parts that are packed by one tar(1) and one zstd(1) beside other work, about."""
PIPE = 1 << 20
"""Bytes that zstd(1) and tar(1) hand over at once: by the usual 64 KiB, and 10 KiB, they take an eighth longer."""
TICK = 0.02
"""Seconds after which the kernel's clock for inodes has moved on: it ticks a hundred times a second at least."""
FRACTION = re.compile(rb" \d+\.(?!0+ )\d+ ")
"""A time that is no whole number of seconds: file systems that keep no more than these have none."""
FIND = r"%y %i %C@ %n %s %m %U %G %P\0%l\0"


class Entry(NamedTuple):
    """A path of a tree: what it is (find(1), %y), its inode, when that was changed last, hard links, bytes.

    Mode (octal digits), owner's and group's numbers, and a symbolic link's target are as find(1) prints them.
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
    """Files of a package that are packed together."""

    package: bytes
    paths: tuple[bytes, ...]


class Part(NamedTuple):
    """A packed group: its frame, and the SHA-256 of each file's content, by path; other names of a file have none."""

    group: Group
    frame: Frame
    digests: Mapping[bytes, bytes]

    def stands(self, before: Entries, after: Entries) -> bool:
        """Whether all of it is as it was: the same inodes, which nobody has touched."""
        return all(path in before and before[path] == after.get(path) for path in self.group.paths)


def survey(tree: Path, *, last: bool = False) -> bytes:
    """All paths below a directory, on its file system, as `entries` reads them.

    What is changed later has a later time than anything here.  After the last survey nobody changes anything.
    """
    found = subprocess.run(
        ["find", tree, "-mindepth", "1", "-xdev", "-printf", FIND], stdout=subprocess.PIPE, check=True
    )
    if not last:
        time.sleep(TICK if FRACTION.search(found.stdout) else 1 + TICK)
    return found.stdout


def entries(surveyed: bytes) -> Entries:
    """Every path that was found, with what there is."""
    fields = surveyed.split(b"\0")
    found: dict[bytes, Entry] = {}
    for row, target in zip(fields[0:-1:2], fields[1:-1:2], strict=True):
        kind, inode, changed, links, size, mode, owner, group, path = row.split(b" ", 8)
        found[path] = Entry(kind, inode, changed, int(links), int(size), mode, owner, group, target)
    return found


def cut(candidates: Entries, owners: Mapping[bytes, bytes], taken: Collection[bytes] = ()) -> list[Group]:
    """Groups of files that are likely to stay as they are, in the order of packages, without those that are taken.

    A file with several names is in one only with all of them.
    """
    brought: dict[bytes, list[bytes]] = defaultdict(list)
    for path, entry in sorted(candidates.items()):
        if entry.kind in (b"f", b"l") and path in owners and path not in taken and QUIET.match(path):
            brought[owners[path]].append(path)
    pieces = ((package, piece) for package, paths in sorted(brought.items()) for piece in pile(paths, candidates, SIZE))
    groups = (Group(package, tuple(without_strays(piece, candidates))) for package, piece in pieces)
    return [group for group in groups if group.paths]


def pile(paths: Iterable[bytes], of: Entries, most: int) -> Iterator[list[bytes]]:
    """Paths in order, in lists that end with the file by which they have so many bytes; the last list has fewer."""
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
    """Lists of paths that are packed beside each other; all files with several names are in the last one.

    tar(1) makes one file of several names only within an archive.
    """
    alone, linked = [], []
    for path in paths:
        (linked if of[path].kind == b"f" and of[path].links > 1 else alone).append(path)
    return [*pile(alone, of, SIZE), *([linked] if linked else [])]


def without_strays(paths: list[bytes], of: Entries) -> list[bytes]:
    """Paths without those that are names of files with other names elsewhere."""
    here = Counter(of[path].inode for path in paths)
    return [path for path in paths if here[of[path].inode] == of[path].links]


class Maker:
    """Makes the parts of a tree in `directory`, beside other work, while the tree is not finished."""

    def __init__(self, tree: Path, directory: Path, pool: ThreadPoolExecutor) -> None:
        self._tree, self._directory, self._pool = tree, directory, pool
        self._numbers = itertools.count()
        self._before: Entries = {}
        self._begun: list[tuple[list[Group], Path, Future[Packed]]] = []

    def begin(self) -> None:
        """Begin with what there is."""
        self._before = entries(survey(self._tree))
        self._begin(self._before)

    def end(self) -> None:
        """Keep the parts whose files are as they were, make others of what has come or changed; pack the rest."""
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
        """The parts of a batch whose files are as they were; the others go."""
        if packed.exception():  # tar(1) may have failed over a file that was changed or removed under its hands
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
        """Begin parts of candidates that are not taken; gives their groups."""
        groups = cut(candidates, find_owners(self._tree), taken)
        for batch in batches(groups, candidates):
            stem = self._directory / f"part-{next(self._numbers):03}-"
            paths = [group.paths for group in batch]
            self._begun.append((batch, stem, self._pool.submit(pack, self._tree, paths, stem)))
        return groups


def batches(groups: Iterable[Group], of: Entries) -> Iterator[list[Group]]:
    """Groups in order, in lists that are packed at once."""
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
    """Parts: groups with their frames."""
    return [Part(group, frame, packed.digests) for group, frame in zip(groups, packed.frames, strict=True)]


def inner_first(directories: Iterable[bytes]) -> list[bytes]:
    """Directories in the order in which an archive ends with them: what is in one comes before it.

    Whoever unpacks the archive then gives a directory its time when nothing more is put into it.  tar(1) gives it as
    soon as it is done with the entries that follow the directory's own and stand below it, and takes no notice of what
    comes there later.
    """
    return sorted(directories, key=lambda path: path.split(b"/"), reverse=True)


def listing(archive: Path) -> Path:
    """The file with the digests and paths of a part."""
    return archive.with_name(archive.name.replace(".tar.zst", ".paths"))


def write_listing(part: Part) -> None:
    """Write beside a part: its package and its frame's digest, then the digest of each file and its path."""
    rows = [b"%s %s" % (part.frame.sha256.encode(), part.group.package)]
    rows += [b"%s %s" % (part.digests.get(path, b""), path) for path in part.group.paths]
    listing(part.frame.file).write_bytes(b"\0".join(rows))


def read_part(archive: Path) -> Part:
    """The part of a base in a file."""
    first, *rows = (row.split(b" ", 1) for row in listing(archive).read_bytes().split(b"\0"))
    group = Group(first[1], tuple(path for _, path in rows))
    frame = Frame(archive, first[0].decode(), archive.stat().st_size)
    return Part(group, frame, {path: digest for digest, path in rows if digest})


def parts(directory: Path) -> list[Part]:
    """The parts in a directory."""
    return [read_part(archive) for archive in sorted(directory.glob("part-*.tar.zst"))]


def unpack(directory: Path, tree: Path) -> None:
    """Unpack all that `Maker` made; the rest comes last, since directories get their modes and times with it."""
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
    """Unpack archives of parts, with all that belongs to their files."""
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
