"""Makes both SBOMs of a release, once for all releases with the same software.

The modules that make SBOMs are imported when there is one to make: most publishes find them in the cache.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.cache import Cache
from builder.code import PROGRAM
from builder.keys import key_of
from builder.sbom.formats import CYCLONEDX, SPDX
from builder.sbom.identity import identify

if TYPE_CHECKING:
    from builder.release.source import ReleaseSource

STEP = "sbom"


def make_sboms(release: Path | ReleaseSource, cache: Cache | None = None) -> dict[str, bytes]:
    """The SBOMs of a release by the names of their files: CycloneDX 1.6 and SPDX 2.3, each as JSON.

    SBOMs name the tree, not the release: releases of a recipe that differ in their cluster alone have the same SBOMs.
    With a cache, SBOMs that were made before are taken from the cache.

    :raises InputError: the release cannot be read, or a file of it is damaged.
    """
    from builder.release.source import DirectorySource

    source = DirectorySource.find(release) if isinstance(release, Path) else release
    if cache is None:
        return _write(source)
    directory = find_sboms(json.loads(source.manifest.text()), lambda: source, cache)
    return {name: (directory / name).read_bytes() for name in (CYCLONEDX, SPDX)}


def find_sboms(document: Mapping[str, Any], find_source: Callable[[], ReleaseSource], cache: Cache) -> Path:
    """The directory in the cache with the SBOMs of a release, which are made if they are not there.

    `document` is the JSON of the release's manifest, and `find_source` finds the release when its files are needed.

    :raises InputError: the release cannot be read, or a file of it is damaged.
    """
    inputs = {**identify(document), "code": PROGRAM.digest(__name__)}

    def make(directory: Path) -> None:
        for name, content in _write(find_source()).items():
            (directory / name).write_bytes(content)

    return cache.produce(STEP, key_of(inputs), inputs, make)


def _write(source: ReleaseSource) -> dict[str, bytes]:
    from builder.sbom.collect import collect
    from builder.sbom.cyclonedx import write_cyclonedx
    from builder.sbom.spdx import write_spdx

    software = collect(source)
    return {CYCLONEDX: write_cyclonedx(software), SPDX: write_spdx(software)}
