"""Makes both SBOMs of a release, once for all releases with the same software.

The modules that make SBOMs are imported when there is one to make: most publishes find them in the cache.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from builder.cache import Cache
from builder.code import PROGRAM
from builder.keys import key_of
from builder.sbom.formats import CYCLONEDX, SPDX
from builder.sbom.manifest import SoftwareManifest

STEP = "sbom"


def make_sboms(release: Path, cache: Cache | None = None) -> dict[str, bytes]:
    """The SBOMs of the release in a directory by the names of their files: CycloneDX 1.6 and SPDX 2.3, each as JSON.

    SBOMs name the tree, not the release: releases of a recipe that differ in their cluster alone have the same SBOMs.
    With a cache, SBOMs that were made before are taken from the cache.

    :raises InputError: the release cannot be read, or its data of dpkg is damaged.
    """
    if cache is None:
        return _write(release, SoftwareManifest.read(release))
    return read_sboms(cache_sboms(release, cache))


def read_sboms(directory: Path) -> dict[str, bytes]:
    """The SBOMs in a directory of the cache, by the names of their files."""
    return {name: (directory / name).read_bytes() for name in (CYCLONEDX, SPDX)}


def find_sboms(release: Path, cache: Cache) -> dict[str, bytes] | None:
    """The SBOMs of the release in a directory, by the names of their files; None when the cache does not have them.

    :raises InputError: the release cannot be read.
    """
    key = key_of(_inputs(SoftwareManifest.read(release)))
    return read_sboms(cache.use(STEP, key)) if cache.has(STEP, key) else None


def cache_sboms(release: Path, cache: Cache) -> Path:
    """The directory in the cache with the SBOMs of the release in a directory, which are made if they are not there.

    :raises InputError: the release cannot be read, or its data of dpkg is damaged.
    """
    manifest = SoftwareManifest.read(release)
    inputs = _inputs(manifest)

    def make(directory: Path) -> None:
        for name, content in _write(release, manifest).items():
            (directory / name).write_bytes(content)

    return cache.produce(STEP, key_of(inputs), inputs, make)


def _inputs(manifest: SoftwareManifest) -> dict[str, Any]:
    return {**manifest.identity(), "code": PROGRAM.digest(__name__)}


def _write(release: Path, manifest: SoftwareManifest) -> dict[str, bytes]:
    from builder.sbom.collect import collect
    from builder.sbom.cyclonedx import write_cyclonedx
    from builder.sbom.spdx import write_spdx

    software = collect(release, manifest)
    return {CYCLONEDX: write_cyclonedx(software), SPDX: write_spdx(software)}
