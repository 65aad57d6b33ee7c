"""The versions of packages in the security archive of a suite, from the package lists of an archive's state.

A fixed package stays in the security archive when a point release takes it over.  So its newest version there is the
first version with all fixes, whichever archive the tree's own version came from.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

from builder.debian import index
from builder.debian.archive import Archive
from builder.debian.relations import version_key

_FILES = "SELECT file FROM package WHERE name IN ({}) AND list LIKE ? ESCAPE '\\'"


def find_fixed(archive: Archive, suite: str, names: Iterable[str]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The versions of packages in the security archive of `suite`, by name and architecture, the oldest first.

    apt names a list by its address: HOST_..._dists_SUITE-security_COMPONENT_binary-ARCHITECTURE_Packages.
    """
    found: dict[tuple[str, str], set[str]] = {}
    wanted = sorted(set(names))
    query = _FILES.format(", ".join("?" * len(wanted)))
    with closing(index.connect(archive.index)) as database:
        for (file,) in database.execute(query, (*wanted, f"%\\_dists\\_{suite}-security\\_%")):
            name, version, architecture = file.removesuffix(".deb").split("_")
            found.setdefault((name, architecture), set()).add(version.replace("%3a", ":"))
    return {package: tuple(sorted(versions, key=version_key)) for package, versions in found.items()}
