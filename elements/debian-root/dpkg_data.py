"""A small archive beside the tree with data about its packages, for lists of software (SBOM).

The archive has dpkg's table of packages, the copyright file of each, and the SHA-256 of each .deb file in Debian's
archive, so that nobody has to unpack the tree for these.
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
"""The greatest size, in bytes, of a copyright file; the largest in Debian have half of it."""


def write_dpkg_data(tree: Path, packages: Path, index: Path, target: Path) -> None:
    """Write the archive with data about a tree's packages to `target`, without compression.

    `packages` is the tree's packages.tsv; `index` is the index of the package lists from which the packages come.
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
    """Yield a line with the SHA-256 of each .deb file that the index has, sorted; `files` has the package of each."""
    with closing(sqlite3.connect(f"file:{index}?mode=ro&immutable=1", uri=True)) as database:
        for file, name in sorted(files.items()):
            query = "SELECT sha256 FROM package WHERE name = ? AND file = ?"
            for (digest,) in database.execute(query, (name, file)).fetchmany(1):
                yield f"{digest}  {file}\n"


def read_copyright(tree: Path, package: str) -> bytes | None:
    """The content of a package's copyright file; links within usr/share/doc are followed (Debian policy, section 12.5).

    None when there is no such file, when it is too large, or when a link leads elsewhere, as a hook's may.
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
