"""Prints the releases of a store for `nfsroot list`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pydantic_core

from builder.cli.output import write
from builder.cli.render import size_in_words
from builder.counting import count
from builder.errors import InputError
from builder.store import catalog
from builder.store.catalog import Release
from builder.store.packages import find_with_package
from builder.store.reader import TrustedStore

OLD_DAYS = 30
"""The age of a store's last signature from which on readers are warned."""

PACKAGE = re.compile(r"([a-z0-9][a-z0-9+.-]+)(?:<(\S+))?")


def show(store: TrustedStore, name: str | None, package: str | None, *, as_json: bool) -> None:
    """Print the releases of a store, of one name or all, as lines or as JSON."""
    known = catalog.read_catalog(store.targets)
    if name is not None:
        catalog.find(known, name, known[name][0].version if name in known else "")
        known = {name: known[name]}
    releases = [release for found in known.values() for release in found]
    versions: dict[str, str] = {}
    if package is not None:
        asked = PACKAGE.fullmatch(package)
        if not asked:
            raise InputError(f"{package!r} names no package", resolution='Write PACKAGE or "PACKAGE<VERSION".')
        versions = find_with_package(store.storage, releases, asked[1], asked[2])
        releases = [release for release in releases if release.reference in versions]
    if as_json:
        write(pydantic_core.to_json(_document(store, releases, versions), indent=1))
        return
    for release in releases:
        write(_line(release, versions))
    age = (datetime.now(UTC) - store.renewed).days
    write(
        f"{store.storage.address}: {count(len(releases), 'release')}, signed {store.renewed:%Y-%m-%d}, "
        f"{store.fingerprint}"
    )
    if age > OLD_DAYS:
        write(
            f"caution: nobody has signed this store for {age} days; newer releases may be held back from you", err=True
        )


def _line(release: Release, versions: dict[str, str]) -> str:
    """A release on one line: reference, day, size, new bytes, channels, verdict, and the reason of a withdrawal."""
    day = datetime.fromtimestamp(release.published, UTC)
    columns = [
        f"{release.reference:32} {day:%Y-%m-%d}",
        f"{size_in_words(release.size):>9}",
        f"{size_in_words(release.new):>9} new",
        ",".join(release.channels) or "-",
        f"lab: {release.lab}",
    ]
    if versions:
        columns.append(versions[release.reference])
    if release.yanked:
        columns.append(f"withdrawn: {release.yanked}")
    return "  ".join(columns)


def _document(store: TrustedStore, releases: list[Release], versions: dict[str, str]) -> dict[str, object]:
    return {
        "store": store.storage.address,
        "fingerprint": store.fingerprint,
        "version": store.version,
        "signed": f"{store.renewed:%Y-%m-%dT%H:%M:%SZ}",
        "releases": [
            {"name": release.name, "version": release.version}
            | release.table()
            | {"manifest": release.manifest.sha256}
            | ({"package": versions[release.reference]} if versions else {})
            for release in releases
        ],
    }
