"""A release in a directory, with its manifest and its recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from builder.errors import InputError
from builder.layout import Layout
from builder.recipe.models import Recipe
from builder.release.manifest import FILE, Manifest


@dataclass(frozen=True)
class Release:
    """A release in `directory`, its manifest, and the recipe that the manifest contains."""

    directory: Path
    manifest: Manifest
    recipe: Recipe

    @property
    def layout(self) -> Layout:
        """The names and paths of the release."""
        return Layout(self.recipe, self.manifest.version, self.manifest.kernel_version)

    @property
    def server_bundle(self) -> Path:
        """The path of the server bundle."""
        return self.directory / self.layout.bundle_file

    @property
    def overlay(self) -> Path:
        """The path of the archive that contains the overlay: the root tarball, or the archive beside a root image."""
        return self.directory / self.layout.overlay_file

    @property
    def kernel(self) -> Path:
        """The path of the nodes' kernel."""
        return self.directory / self.layout.kernel_file


def read_release(directory: Path) -> Release:
    """Read the release in `directory` (`output/NAME/VERSION`).

    :raises InputError: the directory has no release, or one that this version of nfsroot cannot read.
    """
    if not (directory / FILE).is_file():
        raise InputError(f"{directory} is not a release: it has no {FILE}")
    manifest = Manifest.read(directory)
    return Release(directory.resolve(), manifest, manifest.read_recipe())
