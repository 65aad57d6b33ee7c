"""The facts on the page of a release: its packages, the changes since the release before, its boots in the lab."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builder.difference.packages import PackageChange, compare_packages
from builder.store.catalog import Release
from builder.store.page.boots import Trial, read_trials
from builder.store.release import ReleaseManifest


@dataclass(frozen=True)
class ListedPackage:
    """A Debian package in the tree of a release."""

    name: str
    version: str
    architecture: str
    source: str
    security: str | None


@dataclass(frozen=True)
class Changes:
    """The changes of a release since the one before; `same` counts packages that are in both in one version.

    `security_known` says whether the manifest tells which updates of packages are for security.
    """

    before: Release
    kernel: str
    nodes: int | None
    packages: tuple[PackageChange, ...]
    same: int
    security_known: bool


@dataclass(frozen=True)
class ReleaseFacts:
    """The facts on the page of a release; `nodes` is the size of its cluster, None where its manifest has none."""

    release: Release
    manifest: ReleaseManifest
    packages: tuple[ListedPackage, ...]
    nodes: int | None
    changes: Changes | None
    trials: tuple[Trial, ...]


def collect_facts(
    release: Release,
    manifest: ReleaseManifest,
    report: bytes | None,
    before: tuple[Release, ReleaseManifest] | None,
) -> ReleaseFacts:
    """The facts on the page of `release`, from its manifest, its lab.json and the manifest of the release before."""
    packages = _packages(manifest)
    return ReleaseFacts(
        release=release,
        manifest=manifest,
        packages=packages,
        nodes=_count_nodes(manifest.document),
        changes=_compare(packages, *before) if before else None,
        trials=read_trials(report, manifest.sha256) if report is not None else (),
    )


def _compare(packages: tuple[ListedPackage, ...], before: Release, manifest: ReleaseManifest) -> Changes:
    older = _packages(manifest)
    old, new = ({(each.name, each.architecture, each.version) for each in side} for side in (older, packages))
    return Changes(
        before=before,
        kernel=str(manifest.document.get("kernel_version", "")),
        nodes=_count_nodes(manifest.document),
        packages=compare_packages(older, packages),
        same=len(old & new),
        security_known=all(package.security is not None for package in packages),
    )


def _packages(manifest: ReleaseManifest) -> tuple[ListedPackage, ...]:
    listed = (
        ListedPackage(
            name=str(table["name"]),
            version=str(table["version"]),
            architecture=str(table.get("architecture", "")),
            source=str(table.get("source", table["name"])),
            security=None if table.get("security") is None else str(table["security"]),
        )
        for table in manifest.document["packages"]
    )
    return tuple(sorted(listed, key=lambda package: (package.name, package.architecture)))


def _count_nodes(document: Mapping[str, Any]) -> int | None:
    """The number of nodes in the recipe of a release; None without a cluster."""
    recipe = document.get("recipe")
    cluster = recipe.get("cluster") if isinstance(recipe, Mapping) else None
    nodes = cluster.get("nodes") if isinstance(cluster, Mapping) else None
    return len(nodes) if isinstance(nodes, list | dict) else None
