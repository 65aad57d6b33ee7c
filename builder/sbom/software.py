"""The software in a release, as one value from which both forms of SBOM are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from builder.sbom.licences import Licence

MAINTAINER = re.compile(r"\s*(.*?)\s*<([^<>]+)>\s*")


@dataclass(frozen=True)
class SoftwarePackage:
    """A Debian package in the tree, or one from which boot loaders are made.

    `sha256` is that of the package's file, empty when the archive has no such file: then the package is not Debian's.
    `depends` are identifiers of packages in the tree.
    """

    name: str
    version: str
    architecture: str
    source: str
    suite: str
    source_version: str = ""
    maintainer: str = ""
    summary: str = ""
    homepage: str = ""
    sha256: str = ""
    from_archive: bool = True
    licence: Licence | None = None
    depends: tuple[str, ...] = ()

    @property
    def purl(self) -> str:
        """The package's identifier: a package URL (purl-spec) of type deb, or generic for packages not Debian's."""
        version = quote(self.version, safe=":")
        if not self.from_archive:
            return f"pkg:generic/{quote(self.name, safe='')}@{version}"
        qualifiers = f"arch={self.architecture}&distro={self.suite}" if self.architecture else f"distro={self.suite}"
        return f"pkg:deb/debian/{quote(self.name, safe='')}@{version}?{qualifiers}"


@dataclass(frozen=True)
class SoftwareFile:
    """A file that nodes load: its path in the release, and identifiers of the packages from which it is made."""

    path: str
    sha256: str
    made_of: tuple[str, ...]


@dataclass(frozen=True)
class Software:
    """All software in a release's tree, and in the files that nodes load before the tree.

    `version` is the key of the tree, since releases with the same tree have the same software; `date` is the source
    date in seconds since 1970 (UTC); `tools` are packages of the builder image; `top` are identifiers of the packages
    that the recipe names, and of those that no other one needs.
    """

    name: str
    version: str
    description: str
    date: int
    made_by: str
    packages: tuple[SoftwarePackage, ...]
    tools: tuple[SoftwarePackage, ...]
    files: tuple[SoftwareFile, ...]
    top: tuple[str, ...]

    @property
    def references(self) -> Mapping[str, tuple[str, str]]:
        """Name and text of each licence that is not on SPDX's list, by its reference, sorted."""
        found: dict[str, tuple[str, str]] = {}
        for package in self.packages:
            found |= package.licence.references if package.licence else {}
        return dict(sorted(found.items()))


def split_maintainer(text: str) -> tuple[str, str]:
    """Name and address of a maintainer (Debian policy, section 5.6.2)."""
    found = MAINTAINER.fullmatch(text)
    return (found[1], found[2]) if found else (text.strip(), "")
