"""Verifies the release that is to be unpacked on a site, in a directory of this machine.

Files of a release are large, and a second processor can compare them while the first one reads what is small.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.errors import InputError, NfsrootError
from builder.release_names import bundle_file
from builder.store.errors import UntrustedError
from builder.store.release import LAB, SUMS, ReleaseFile, ReleaseManifest, read_manifest
from builder.store.release_files import check_files
from builder.store.tree_entries import FILE as LISTING


@dataclass(frozen=True)
class Source:
    """A release in `directory`, whose files match its manifest, but for those in `rest`, which nobody has compared yet.

    `address` is the store or the directory that the release came from.  `lab` is the lab's verdict in words, empty
    where the lab has not tried the release.
    """

    directory: Path
    manifest: ReleaseManifest
    address: str
    lab: str
    rest: tuple[ReleaseFile, ...] = ()

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

    def compare_rest(self) -> None:
        """Compare the files that nobody has compared yet with the manifest.

        :raises UntrustedError: a file is not the one that was released.
        """
        _compare(self.directory, self.rest)


def open_directory(directory: Path) -> Source:
    """The release in a directory of this machine; only its server bundle and the list of its tree are compared yet.

    :raises InputError: the directory holds no release.
    :raises UntrustedError: one of the two, or SHA256SUMS, is not the file that was released.
    """
    manifest = read_manifest(directory)
    read_first = (LISTING, bundle_file(manifest.name, manifest.version))
    _compare(directory, [file for file in manifest.files if file.path in read_first])
    sums = directory / SUMS
    if sums.exists() and sums.read_bytes() != manifest.sums():
        raise UntrustedError(f"{sums} has other lines than the manifest", resolution="Build the release anew.")
    rest = tuple(file for file in manifest.files if file.path not in read_first)
    return Source(directory, manifest, str(directory.resolve()), _verdict(directory / LAB, manifest), rest)


def _compare(directory: Path, files: Sequence[ReleaseFile]) -> None:
    try:
        check_files(directory, files)
    except NfsrootError as error:
        raise UntrustedError(error.brief, details=error.details, resolution=error.resolution) from error


def _verdict(report: Path, manifest: ReleaseManifest) -> str:
    """The lab's verdict in words; empty where the lab did not report on these very bytes."""
    with contextlib.suppress(FileNotFoundError):
        try:
            table = json.loads(report.read_bytes())
            return str(table["verdict"]) if table["manifest"] == manifest.sha256 else ""
        except (ValueError, LookupError, TypeError) as error:
            raise InputError(f"{report} cannot be read: {error!r}") from error
    return ""
