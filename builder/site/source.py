"""Finds and verifies the release that is to be unpacked on a site, in a directory or a store."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from builder.errors import InputError, NfsrootError
from builder.events import Caution
from builder.release_names import bundle_file
from builder.site import journal, withdrawn
from builder.site.places import Places
from builder.store import catalog
from builder.store.catalog import Release
from builder.store.errors import UntrustedError
from builder.store.fetch import fetch, fetch_manifest
from builder.store.reader import TrustedStore
from builder.store.release import LAB, SUMS, ReleaseFile, ReleaseManifest, read_manifest
from builder.store.release_files import check_files
from builder.store.transfer import Transfers
from builder.store.tree_entries import FILE as LISTING


@dataclass(frozen=True)
class Source:
    """A release in `directory`, whose files match its manifest.

    `address` is the store or the directory that the release came from.  `lab` is the lab's verdict in words, empty
    where the lab has not tried the release.
    """

    directory: Path
    manifest: ReleaseManifest
    address: str
    lab: str

    @property
    def bundle(self) -> Path:
        """The server bundle of the release."""
        return self.file(bundle_file(self.manifest.name, self.manifest.version))

    @property
    def listing(self) -> Path:
        """The list of the release's tree."""
        return self.file(LISTING)

    def described(self, path: str) -> ReleaseFile:
        """A file of the release as the manifest describes it.

        :raises InputError: the release has no file of this name.
        """
        for file in self.manifest.files:
            if file.path == path:
                return file
        raise InputError(
            f"the release in {self.directory} has no {path}",
            resolution="An older nfsroot made the release: build it anew.",
        )

    def file(self, path: str) -> Path:
        """The path of a file that the manifest names.

        :raises InputError: the release has no file of this name.
        """
        return self.directory / self.described(path).path


def open_directory(directory: Path) -> Source:
    """The release in a directory of this machine, verified.

    :raises InputError: the directory holds no release.
    :raises UntrustedError: a file is not the one that was released.
    """
    manifest = read_manifest(directory)
    return Source(directory, manifest, str(directory.resolve()), _verify(directory, manifest))


def find_in_store(places: Places, store: TrustedStore, reference: str, *, allow_yanked: bool) -> Release:
    """The release NAME[@VERSION|@CHANNEL] of a store; the site keeps which releases of the store were withdrawn.

    :raises InputError: the store has no such release.
    :raises RefusedError: the release was withdrawn.
    """
    offered = catalog.read_catalog(store.targets)
    with journal.locked(places):
        withdrawn.keep(places, store.storage.address, (each for named in offered.values() for each in named))
    return catalog.find_offered(offered, reference, allow_yanked=allow_yanked, verb="Unpack")


def fetch_from_store(places: Places, store: TrustedStore, release: Release, transfers: Transfers) -> Source:
    """Fetch a release of a store into the site's own data; parts that are there already are not fetched again.

    :raises UntrustedError: the store holds other bytes than those that were signed.
    """
    for sentence in catalog.find_cautions(release):
        transfers.emit(Caution(sentence))
    target = places.fetched / release.name / release.version
    if target.exists() and not _is_sound(target, fetch_manifest(store.storage, release)):
        shutil.rmtree(target)
    fetch(store.storage, release, target, transfers)
    return Source(target, read_manifest(target), store.storage.address, release.lab)


def forget_others(places: Places, name: str, version: str) -> None:
    """Remove the fetched releases of a recipe but for one version, from which the next fetch takes parts."""
    for directory in (places.fetched / name).glob("[!.]*"):
        if directory.name != version:
            shutil.rmtree(directory)


def _is_sound(directory: Path, manifest: ReleaseManifest) -> bool:
    """Whether a directory holds the release with this manifest, whole and undamaged."""
    try:
        check_files(directory, manifest)
        return read_manifest(directory).content == manifest.content
    except NfsrootError:
        return False


def _verify(directory: Path, manifest: ReleaseManifest) -> str:
    """Compare all files with the manifest, and return the lab's verdict."""
    try:
        check_files(directory, manifest)
    except NfsrootError as error:
        raise UntrustedError(error.brief, details=error.details, resolution=error.resolution) from error
    sums = directory / SUMS
    if sums.exists() and sums.read_bytes() != manifest.sums():
        raise UntrustedError(f"{sums} has other lines than the manifest", resolution="Build the release anew.")
    return _verdict(directory / LAB, manifest)


def _verdict(report: Path, manifest: ReleaseManifest) -> str:
    """The lab's verdict in words; empty where the lab did not report on these very bytes."""
    with contextlib.suppress(FileNotFoundError):
        try:
            table = json.loads(report.read_bytes())
            return str(table["verdict"]) if table["manifest"] == manifest.sha256 else ""
        except (ValueError, LookupError, TypeError) as error:
            raise InputError(f"{report} cannot be read: {error!r}") from error
    return ""
