"""The benchmark of unpacking: nfsroot-site beside tar and sync, on ext4, XFS and tmpfs of their own.

`make bench-unpack RELEASE="OLD NEW"` runs it, for two releases of one name.  Of each file system it tells how long OLD
takes, and on XFS how long NEW takes beside it, whose equal files share blocks with those of OLD.
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from contest import Contestant, Times, contest
from machine import machine

SITE = Path(sys.executable).with_name("nfsroot-site")
GIB = 1 << 30
ROOM = 4 * GIB
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-m", "reflink=1"]}
"""How the file systems on loop devices are made."""

SECOND = "xfs, a second release"


def main() -> None:
    """Measure, and print the medians and the ratios round by round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--room", type=Path, help="where the file systems lie")
    options = parser.parse_args()
    print(machine())  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="nfsroot-bench-", dir=options.room) as directory:
        for what, (own, other) in measure_unpack(options.old, options.new, options.rounds, Path(directory)).items():
            print(  # noqa: T201
                f"{what:24} nfsroot-site {own.median:5.2f} s, tar and sync {other.median:5.2f} s: "
                f"{own.ratio(other):4.2f} of it"
            )


def measure_unpack(old: Path, new: Path, rounds: int, room: Path) -> dict[str, tuple[Times, Times]]:
    """The times of nfsroot-site, and of tar and sync, on each file system."""
    found = {}
    for kind in ("ext4", "tmpfs", "xfs"):
        with file_system(kind, room / kind) as mounted:
            found[kind] = run(first_release(mounted, old), rounds, room)
    with file_system("xfs", room / "second") as mounted:
        subprocess.run([SITE, "--root", mounted, "unpack", old], check=True, capture_output=True)
        found[SECOND] = run(second_release(mounted, old, new), rounds, room)
    return found


@contextlib.contextmanager
def file_system(kind: str, place: Path) -> Iterator[Path]:
    """A file system of its own, mounted during the block."""
    place.mkdir()
    if kind in MAKE:
        image = place.with_suffix(".image")
        with image.open("wb") as file:
            file.truncate(ROOM)
        subprocess.run([*MAKE[kind], image], check=True)
        subprocess.run(["mount", "-o", "loop", image, place], check=True)
    else:
        subprocess.run(["mount", "-t", kind, "-o", f"size={ROOM}", kind, place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def first_release(mounted: Path, release: Path) -> list[Contestant]:
    """Both unpack a release where nothing else is."""

    def empty() -> None:
        for each in mounted.iterdir():
            shutil.rmtree(each)
        subprocess.run(["sync", "-f", mounted], check=True)

    return [ours(mounted, release, empty), tar(mounted, release, empty)]


def second_release(mounted: Path, old: Path, new: Path) -> list[Contestant]:
    """Both unpack a release beside another one."""
    name = new.parent.name

    def forget() -> None:
        version = new.name
        for each in (f"NFSROOT/{name}", f"srv/tftp/{name}", f"var/lib/nfsroot-site/releases/{name}"):
            shutil.rmtree(mounted / each / version, ignore_errors=True)
        shutil.rmtree(mounted / "tar", ignore_errors=True)
        subprocess.run(["sync", "-f", mounted], check=True)

    return [ours(mounted, new, forget), tar(mounted, old, forget)]


def ours(mounted: Path, release: Path, prepare: Callable[[], object]) -> Contestant:
    """nfsroot-site, which verifies the release, compares the tree with its list, and syncs."""
    return Contestant("nfsroot-site unpack", [str(SITE), "--root", str(mounted), "unpack", str(release)], prepare)


def tar(mounted: Path, release: Path, prepare: Callable[[], object]) -> Contestant:
    """What the server bundle's README says, and a sync."""
    (root,) = release.glob("*-root.tar.zst")
    place = shlex.quote(str(mounted / "tar"))
    unpack = f"tar --zstd --numeric-owner --xattrs --xattrs-include='*' -xpf {shlex.quote(str(root))} -C {place}"
    return Contestant("tar and sync", ["sh", "-c", f"mkdir {place} && {unpack} && sync -f {place}"], prepare)


def run(contestants: Sequence[Contestant], rounds: int, room: Path) -> tuple[Times, Times]:
    """The times of both contestants."""
    own, other = contest(contestants, rounds, room / "log").values()
    return own, other


if __name__ == "__main__":
    main()
