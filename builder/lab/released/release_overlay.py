"""The overlay of a release: the files that nfsroot renders for the cluster and adds to the tree."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from builder.difference.subject import read_overlay
from builder.errors import InputError, NfsrootError
from builder.lab.released.release import Release
from builder.release.source import DirectorySource


@dataclass(frozen=True)
class OverlayFile:
    """A file of the overlay: the SHA-256 of its content, and its permissions in octal digits."""

    digest: str
    mode: str


def read_overlay_files(release: Release) -> Mapping[PurePosixPath, OverlayFile]:
    """Read the regular files of a release's overlay; the keys are their paths, relative to the node's root.

    :raises NfsrootError: the archive with the overlay is damaged, or the manifest does not say where the overlay is.
    """
    try:
        overlay = read_overlay(DirectorySource(release.directory, release.manifest), release.recipe)
    except InputError as error:  # the release is wrong, and not what the user of the lab asked for
        raise NfsrootError(error.brief, details=error.details, resolution=error.resolution) from error
    if overlay is None:
        raise NfsrootError(
            f"the manifest of {release.directory} does not say where in the root tarball the overlay is",
            resolution="Build the release anew.",
        )
    return {
        PurePosixPath(path): OverlayFile(hashlib.sha256(file.content).hexdigest(), f"{file.mode:o}")
        for path, file in overlay.items()
    }
