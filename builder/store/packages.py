"""Finds the releases of a store that have a Debian package in their tree."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Sequence

from debian.debian_support import Version

from builder.store import places
from builder.store.catalog import Release
from builder.store.fetch import fetch_manifest
from builder.store.release import ReleaseManifest, parse_manifest
from builder.store.storage.interface import Storage
from builder.store.transfer import run_each


def find_with_package(storage: Storage, releases: Sequence[Release], package: str, below: str | None) -> dict[str, str]:
    """The version of a package in each release that has it, by the release's reference.

    With `below`, only releases whose version of the package is older than `below` count.
    """
    manifests = run_each(lambda release: read_cached_manifest(storage, release), releases)
    found = {
        release.reference: manifest.packages[package]
        for release, manifest in zip(releases, manifests, strict=True)
        if package in manifest.packages
    }
    return {reference: version for reference, version in found.items() if below is None or _older(version, below)}


def _older(version: str, other: str) -> bool:
    """Whether a version comes before another (deb-version(7))."""
    return bool(Version(version) < Version(other))


def read_cached_manifest(storage: Storage, release: Release) -> ReleaseManifest:
    """The manifest of a release, from this user's cache or else from the store; manifests never change."""
    digest = release.manifest.sha256
    kept = places.manifests_directory() / f"{digest}.json"
    if kept.exists():
        text = kept.read_bytes()
        if hashlib.sha256(text).hexdigest() == digest:
            return parse_manifest(text, str(kept))
    manifest = fetch_manifest(storage, release)
    with contextlib.suppress(OSError):  # a full disk, or a home that cannot be written, costs time alone
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(f".{uuid.uuid4().hex}.unfinished")  # others may fetch the manifest right now
        unfinished.write_bytes(manifest.content)
        unfinished.rename(kept)
    return manifest
