"""New bytes: what of a release another one does not have, by kind of change."""

from __future__ import annotations

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from own import Own

from builder.release.manifest import FILE, SUMS, Manifest, ReleasedFile

ADDED = "tmux"
KERNEL = "linux-image-"
"""How the name of a kernel's package begins."""


class Change(NamedTuple):
    """New bytes by one kind of change.

    `root` counts those parts of the root tarball that the release before does not have; `kernel` those of them with
    files of the kernel's package; `release` the new parts of all files, manifest and sums included.  `of` is the size
    of the root tarball, `packages` the size of the parts of packages that were added.
    """

    kind: str
    root: int
    kernel: int
    release: int
    of: int
    packages: int


def measure_changes(own: Own) -> list[Change]:
    """Build releases side by side that differ by one change each, and compare them."""
    older = own.make_older()
    own.drop_releases()  # of what is here already, a build would make nothing new
    releases = []
    for nodes, packages in ((4, ()), (4, (ADDED,)), (5, ())):
        own.write(nodes, packages)
        own.make()
        releases.append(own.release())
    first, added, node = releases
    assert len(set(releases)) == len(releases), "each build makes a release of its own"
    return [
        compare("security updates of the archive", older, first),
        compare(f"{ADDED} added", first, added),
        compare("a node added", first, node),
    ]


def compare(kind: str, before: Path, after: Path) -> Change:
    """What is new in release `after` beside release `before`."""
    known = {part.sha256 for file in Manifest.read(before).files for part in file.parts}
    files = Manifest.read(after).files
    root = next(file for file in files if "-root." in file.path)
    new = {part.sha256: part.size for file in files for part in file.parts if part.sha256 not in known}
    packages = new_packages(after, root, new)
    added = names_of_packages(after) - names_of_packages(before)
    return Change(
        kind=kind,
        root=sum(new.get(part.sha256, 0) for part in root.parts),
        kernel=sum(size for package, size in packages.items() if package.startswith(KERNEL)),
        release=sum(new.values()) + sum((after / name).stat().st_size for name in (FILE, SUMS)),
        of=root.size,
        packages=sum(size for package, size in packages.items() if package.partition(":")[0] in added),
    )


def names_of_packages(release: Path) -> set[str]:
    """The names of the packages in a release."""
    return {package.name for package in Manifest.read(release).packages}


def new_packages(release: Path, root: ReleasedFile, new: dict[str, int]) -> dict[str, int]:
    """The sizes of new parts of a root tarball by the packages whose files they have."""
    lines = decompress((release / "tree.tsv.zst").read_bytes()).decode().splitlines()
    owners = {row[0]: row[-1] for row in (line.split("\t") for line in lines) if row[1] in ("f", "l")}
    sizes: dict[str, int] = {}
    with (release / root.path).open("rb") as tarball:
        for part in root.parts:
            frame = tarball.read(part.size)
            package = owners.get(first_path(decompress(frame)), "") if part.sha256 in new else ""
            if package:
                sizes[package] = sizes.get(package, 0) + part.size
    return sizes


def first_path(archive: bytes) -> str:
    """The first path in a part, if it begins with a tar header: what stands apart is a file's content."""
    try:
        with tarfile.open(fileobj=BytesIO(archive + bytes(1024)), mode="r:") as tar:
            member = tar.next()
            return member.name if member and member.name.startswith(("usr/", "boot/")) else ""
    except tarfile.TarError:
        return ""


def decompress(frame: bytes) -> bytes:
    """What zstd frames hold."""
    return subprocess.run(["zstd", "--decompress", "--stdout"], input=frame, capture_output=True, check=True).stdout
