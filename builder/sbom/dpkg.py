"""Reads the packages of a tree from the release's dpkg.tar.zst: dpkg's table, copyright files and digests."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from builder.debian import relations
from builder.debian.relations import Relation
from builder.release.unpacking import Text
from builder.sbom.licences import Licence, read_copyright
from builder.sbom.software import SoftwarePackage

STATUS, DOC, DIGESTS = "var/lib/dpkg/status", "usr/share/doc", "SHA256SUMS"
FIELD = re.compile(r"^([A-Za-z-]+): *(.*)$", re.MULTILINE)
URL = re.compile(r"(?:https?|ftp)://(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
"""A URL that both forms of SBOM accept (RFC 3986)."""
SOURCE = re.compile(r"(\S+)(?: \((\S+)\))?")


@dataclass(frozen=True)
class _Installed:
    """A stanza of dpkg's table: its fields' first lines, and its relations."""

    fields: Mapping[str, str]
    relations: relations.Package


def read_packages(data: Mapping[str, Text], suite: str) -> tuple[SoftwarePackage, ...]:
    """Every installed package, sorted by name and architecture, with the packages that it depends on.

    `data` are the files of dpkg.tar.zst.
    """
    text = {path: content.content.decode("utf-8", "replace") for path, content in data.items()}
    digests = {file: digest for digest, _, file in (line.partition("  ") for line in _lines(text, DIGESTS))}
    installed = list(_read_status(text.get(STATUS, "")))
    licences: dict[str, Licence | None] = {}
    packages = []
    for each in installed:
        where = f"{DOC}/{each.fields['Package']}/copyright"
        content = text.get(where, "")
        if content not in licences:  # packages of one source often have the same file
            licences[content] = read_copyright(content, f"/{where}") if content else None
        packages.append(_package(each.fields, suite, digests, licences[content]))
    depends = _resolve(installed, packages)
    return tuple(sorted((replace(each, depends=depends[each.purl]) for each in packages), key=_order))


def _lines(text: Mapping[str, str], path: str) -> list[str]:
    return text.get(path, "").splitlines()


def _order(package: SoftwarePackage) -> tuple[str, str, str]:
    return package.name, package.architecture, package.version


def _read_status(status: str) -> Iterator[_Installed]:
    """The packages that are installed (dpkg(1), "Package states")."""
    for stanza in status.split("\n\n"):
        fields = dict(FIELD.findall(stanza))
        if fields.get("Status", "").endswith(" installed") and fields.get("Package"):
            yield _Installed(fields, relations.read(stanza))


def _package(
    fields: Mapping[str, str], suite: str, digests: Mapping[str, str], licence: Licence | None
) -> SoftwarePackage:
    name, version, architecture = fields["Package"], fields.get("Version", ""), fields.get("Architecture", "")
    digest = digests.get(f"{name}_{version.replace(':', '%3a')}_{architecture}.deb", "")
    source, homepage = SOURCE.match(fields.get("Source", "")), fields.get("Homepage", "").strip()
    return SoftwarePackage(
        name=name,
        version=version,
        architecture=architecture,
        source=source[1] if source else name,
        source_version=(source[2] if source else "") or version,
        suite=suite,
        maintainer=fields.get("Maintainer", ""),
        summary=fields.get("Description", ""),
        homepage=homepage if URL.fullmatch(homepage) else "",
        sha256=digest,
        from_archive=bool(digest),
        licence=licence,
    )


def _resolve(installed: Sequence[_Installed], packages: Sequence[SoftwarePackage]) -> dict[str, tuple[str, ...]]:
    """The identifiers of the packages that each package depends on, by the package's identifier.

    Of alternatives, the first one counts that is installed or that an installed package provides.
    """
    providers: dict[str, list[tuple[relations.Package, str]]] = defaultdict(list)
    for each, package in zip(installed, packages, strict=True):
        for name in each.relations.provides:
            providers[name].append((each.relations, package.purl))
    found = {}
    for each, package in zip(installed, packages, strict=True):
        edges = {purl for group in each.relations.depends for purl in _satisfy(group, providers)}
        found[package.purl] = tuple(sorted(edges - {package.purl}))
    return found


def _satisfy(
    group: Iterable[Relation], providers: Mapping[str, list[tuple[relations.Package, str]]]
) -> tuple[str, ...]:
    for relation in group:
        matching = tuple(purl for package, purl in providers.get(relation.name, ()) if package.has(relation))
        if matching:
            return matching
    return ()
