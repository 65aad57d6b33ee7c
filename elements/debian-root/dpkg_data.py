"""What dpkg(1) and the packages say of themselves, for lists of software (SBOM): a small archive beside the tree.

It has dpkg's table of packages, the copyright file of each, and the SHA-256 of each package's own file as the archive
has it, so that nobody has to unpack the tree for these.
"""

from __future__ import annotations

import io
import os
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

STATUS, DOC = "var/lib/dpkg/status", "usr/share/doc"
DIGESTS = "SHA256SUMS"
"""The name of the list of digests, in the form of sha256sum(1)."""
LARGEST = 4 << 20
"""Bytes of a copyright file: the largest of Debian have half of it."""


def write_dpkg_data(tree: Path, packages: Path, index: Path, target: Path) -> None:
    """Write the archive of a tree to `target`, without compression.

    `packages` is a packages.tsv; `index` the index of the package lists that the tree's packages were chosen from.
    """
    rows = [line.split("\t") for line in packages.read_text(encoding="utf-8").splitlines()]
    files = [f"{name}_{version.replace(':', '%3a')}_{architecture}.deb" for name, version, architecture, _ in rows]
    names = sorted({row[0] for row in rows})
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        _add(
            tar, DIGESTS, "".join(find_digests(index, dict(zip(files, (row[0] for row in rows), strict=True)))).encode()
        )
        _add(tar, STATUS, (tree / STATUS).read_bytes())
        for name in names:
            content = read_copyright(tree, name)
            if content is not None:
                _add(tar, f"{DOC}/{name}/copyright", content)


def find_digests(index: Path, files: dict[str, str]) -> Iterator[str]:
    """A line for each of the packages' files that the archive has, by whose package each is, sorted."""
    with closing(sqlite3.connect(f"file:{index}?mode=ro&immutable=1", uri=True)) as database:
        for file, name in sorted(files.items()):
            query = "SELECT sha256 FROM package WHERE name = ? AND file = ?"
            for (digest,) in database.execute(query, (name, file)).fetchmany(1):
                yield f"{digest}  {file}\n"


def read_copyright(tree: Path, package: str) -> bytes | None:
    """The copyright file of a package, where links in the tree lead to it (Debian policy, section 12.5).

    A link that leads elsewhere, which a hook may have made, is not followed; nor is a file read that is too large.
    """
    top = (tree / DOC).resolve()
    file = Path(os.path.realpath(tree / DOC / package / "copyright"))
    if not (file.is_relative_to(top) and file.is_file() and file.stat().st_size <= LARGEST):
        return None
    return file.read_bytes()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
