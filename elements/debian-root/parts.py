"""Parts of a packed tree: those of its base are packed once, and taken into every tree that left them as they were.

A part is a tar archive of some files without the blocks that end it, in a zstd frame of its own, so that parts joined
in any order are one archive (tar(5), RFC 8878 section 3).  Beside it a file has the part's paths.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

REST = "rest.tar.zst"
"""What is in no part of a base: directories, settings, what packages' scripts change."""
QUIET = re.compile(rb"boot/|usr/(?!sbin/policy-rc\.d$|lib/modules/[^/]+/[^/]+$)")
"""Paths of files that nothing is likely to change but the package that brings them; depmod(8) changes its own, and
install-packages takes back what keeps services from starting.  Others are in no part."""
SIZE = 16 << 20
"""Bytes in the files of a part, about: one that is lost to a change is soon packed."""
TICK = 0.02
"""Seconds after which the kernel's clock for inodes has moved on: it ticks a hundred times a second at least."""
FRACTION = re.compile(rb" \d+\.(?!0+ )\d+ ")
"""A time that is no whole number of seconds: file systems that keep no more than these have none."""
LEVEL = 3
TAR = (
    "--create",
    "--null",
    "--no-recursion",
    "--verbatim-files-from",
    "--format=posix",
    "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
    "--xattrs",
    "--xattrs-include=*",
    "--xattrs-exclude=security.selinux",  # the build machine's own labels, and measures of what it has on its disks
    "--xattrs-exclude=security.SMACK64*",
    "--xattrs-exclude=security.ima",
    "--xattrs-exclude=security.evm",
    "--numeric-owner",
    "--clamp-mtime",
    "--blocking-factor=2048",
)


class Entry(NamedTuple):
    """A path of a tree: what it is (find(1), %y), its inode, when that was changed last, hard links, bytes."""

    kind: bytes
    inode: bytes
    changed: bytes
    links: int
    size: int


Entries = Mapping[bytes, Entry]


class Part(NamedTuple):
    """A part: its archive and its paths."""

    archive: Path
    paths: tuple[bytes, ...]

    def stands(self, before: Entries, after: Entries) -> bool:
        """Whether all of it is as it was: the same inodes, which nobody has touched."""
        return all(path in before and before[path] == after.get(path) for path in self.paths)


def survey(tree: Path) -> bytes:
    """All paths below a directory, on its file system, as `entries` reads them.

    What is changed later has a later time than anything here.
    """
    format_ = r"%y %i %C@ %n %s %P\0"
    found = subprocess.run(
        ["find", tree, "-mindepth", "1", "-xdev", "-printf", format_], stdout=subprocess.PIPE, check=True
    )
    time.sleep(TICK if FRACTION.search(found.stdout) else 1 + TICK)
    return found.stdout


def entries(surveyed: bytes) -> Entries:
    """Every path that was found, with what there is."""
    rows = (line.split(b" ", 5) for line in surveyed.split(b"\0") if line)
    return {
        path: Entry(kind, inode, changed, int(links), int(size)) for kind, inode, changed, links, size, path in rows
    }


def cut(candidates: Entries, taken: Collection[bytes] = ()) -> Iterator[list[bytes]]:
    """The paths of parts: files that are likely to stay as they are, in order, without those that are taken."""
    paths: list[bytes] = []
    size = 0
    for path, entry in sorted(candidates.items()):
        if entry.kind not in (b"f", b"l") or entry.links != 1 or path in taken or not QUIET.match(path):
            continue
        paths.append(path)
        size += entry.size
        if size >= SIZE:
            yield paths
            paths, size = [], 0
    if paths:
        yield paths


def pack(tree: Path, paths: Iterable[bytes], archive: Path, *, threads: int = 1, ended: bool = False) -> None:
    """Pack paths of a tree, in order, with times clamped to SOURCE_DATE_EPOCH; `archive` is a part's.

    The last part of a whole archive is `ended`: by two blocks of zeros.
    """
    plain = archive.with_suffix("")
    command = ["tar", *TAR, f"--mtime=@{os.environ['SOURCE_DATE_EPOCH']}", f"--directory={tree}", f"--file={plain}"]
    subprocess.run([*command, "--files-from=-"], input=b"\0".join(paths), check=True)
    # Blocks of zeros end a tar archive (tar(5)).
    listed = subprocess.run(
        ["tar", "--list", "--block-number", f"--file={plain}"], stdout=subprocess.PIPE, check=True
    ).stdout
    end = re.search(rb"^block (\d+): \*\* Block of NULs \*\*$", listed, re.MULTILINE)
    assert end, "tar(1) ends every archive so"
    os.truncate(plain, (int(end[1]) + (2 if ended else 0)) * 512)
    subprocess.run(["zstd", "--quiet", f"-{LEVEL}", f"-T{threads}", "--rm", "-o", archive, plain], check=True)


class Maker:
    """Makes the parts of a tree in `directory`, beside other work, while the tree is not finished."""

    def __init__(self, tree: Path, directory: Path, pool: ThreadPoolExecutor) -> None:
        self._tree, self._directory, self._pool = tree, directory, pool
        self._numbers = itertools.count()
        self._before: Entries = {}
        self._begun: list[tuple[Part, Future[None]]] = []

    def begin(self) -> None:
        """Begin with what there is."""
        self._before = entries(survey(self._tree))
        self._begin(self._before)

    def end(self) -> None:
        """Keep the parts whose files are as they were, make others of what has come or changed; pack the rest."""
        after = entries(survey(self._tree))
        kept: set[bytes] = set()
        for part, packed in self._begun:
            packed.exception()  # tar(1) may have failed over a file that was changed or removed under its hands
            if part.stands(self._before, after):
                packed.result()
                kept.update(part.paths)
            else:
                for made in (part.archive, part.archive.with_suffix(""), listing(part.archive)):
                    made.unlink(missing_ok=True)
        self._begun.clear()
        for paths in self._begin(after, kept):
            kept.update(paths)
        pack(self._tree, sorted(after.keys() - kept), self._directory / REST)
        for _, packed in self._begun:
            packed.result()

    def _begin(self, candidates: Entries, taken: Collection[bytes] = ()) -> list[list[bytes]]:
        """Begin parts of candidates that are not taken; gives their paths."""
        begun = list(cut(candidates, taken))
        for paths in begun:
            archive = self._directory / f"part-{next(self._numbers):03}.tar.zst"
            listing(archive).write_bytes(b"\0".join(paths))
            self._begun.append((Part(archive, tuple(paths)), self._pool.submit(pack, self._tree, paths, archive)))
        return begun


def inner_first(directories: Iterable[bytes]) -> list[bytes]:
    """Directories in the order in which an archive ends with them: what is in one comes before it.

    Whoever unpacks the archive then gives a directory its time when nothing more is put into it.  tar(1) gives it as
    soon as it is done with the entries that follow the directory's own and stand below it, and takes no notice of what
    comes there later.
    """
    return sorted(directories, key=lambda path: path.split(b"/"), reverse=True)


def listing(archive: Path) -> Path:
    """The file with the paths of a part."""
    return archive.with_name(archive.name.replace(".tar.zst", ".paths"))


def parts(directory: Path) -> list[Part]:
    """The parts in a directory."""
    archives = sorted(directory.glob("part-*.tar.zst"))
    return [Part(archive, tuple(listing(archive).read_bytes().split(b"\0"))) for archive in archives]


def unpack(directory: Path, tree: Path) -> None:
    """Unpack all that `Maker` made; the rest comes last, since directories get their modes and times with it."""
    found = parts(directory)
    archives = [part.archive for part in found]
    # Two tars that make one directory at the same time may both fail.
    for parent in {os.path.dirname(path) for part in found for path in part.paths}:  # noqa: PTH120  (bytes)
        os.makedirs(os.path.join(os.fsencode(tree), parent), exist_ok=True)  # noqa: PTH103, PTH118
    lanes = os.cpu_count() or 1
    with ThreadPoolExecutor(lanes) as pool:
        list(pool.map(lambda lane: extract(archives[lane::lanes], tree), range(lanes)))
    extract([directory / REST], tree)


def extract(archives: list[Path], tree: Path) -> None:
    """Unpack archives of parts, with all that belongs to their files."""
    if not archives:
        return
    plain = subprocess.Popen(["zstd", "--quiet", "--decompress", "--stdout", *archives], stdout=subprocess.PIPE)
    options = [
        "--xattrs",
        "--xattrs-include=*",
        "--numeric-owner",
        "--preserve-permissions",
        "--delay-directory-restore",
    ]
    subprocess.run(["tar", "--extract", f"--directory={tree}", *options], stdin=plain.stdout, check=True)
    if plain.wait():
        raise subprocess.CalledProcessError(plain.returncode, plain.args)
