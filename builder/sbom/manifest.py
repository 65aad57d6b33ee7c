"""The parts of a release's manifest that its SBOMs are made of.

A publisher makes SBOMs, and the models of manifests and recipes take as long to import as SBOMs take to make, so that
this module reads the manifest's JSON (docs/reference/manifest.md) and has none of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from builder.errors import InputError
from builder.recipe.choices import LOG_PROGRAM
from builder.release.names import DPKG_DATA, FILE
from builder.release.reading import no_release

LOADED = ("vmlinuz-", "initrd.img-", "pxegrub/")
"""The beginnings of the paths of files that nodes load."""


@dataclass(frozen=True)
class SoftwareManifest:
    """The parts of a manifest that determine the SBOMs: releases with equal parts have the same SBOMs.

    `tree` is the key of the tree, `date` the source date in seconds since 1970 (UTC); `tools` has the version of each
    tool, `files` the SHA-256 of each file that nodes load and of dpkg's data, by its path.  `packages` has name,
    version, architecture and source of each package, and is empty where dpkg's data tells more.  `named` are the
    packages that the recipe names, those of its elements included.
    """

    name: str
    tree: str
    date: int
    tools: Mapping[str, str]
    files: Mapping[str, str]
    kernel: str
    suite: str
    named: tuple[str, ...]
    packages: tuple[tuple[str, str, str, str], ...]

    @classmethod
    def read(cls, directory: Path) -> SoftwareManifest:
        """The manifest of the release in `directory`.

        :raises InputError: the directory holds no release, or its manifest cannot be read.
        """
        file = directory / FILE
        try:
            return cls.parse(json.loads(file.read_bytes()))
        except FileNotFoundError:
            raise no_release(directory) from None
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror}") from error
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{file} is not a manifest that has what an SBOM needs: {type(error).__name__}: {error}",
                resolution="Use the nfsroot that made the release, or build it anew.",
            ) from error

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> SoftwareManifest:
        """The parts of a manifest's JSON.

        :raises ValueError, LookupError, TypeError, AttributeError: the document is no manifest.
        """
        files = {str(file["path"]): str(file["sha256"]) for file in document["files"] if _is_of_software(file["path"])}
        recipe = document["recipe"]
        return cls(
            name=str(document["name"]),
            tree=str(document["steps"].get("tree") or document["content"]),
            date=int(document["source_date"]),
            tools={str(tool): str(version) for tool, version in document["tools"].items()},
            files=files,
            kernel=str(document["kernel_version"]),
            suite=str(recipe.get("debian", {}).get("suite", "")),
            named=tuple(sorted(set(_named(recipe)))),
            packages=() if DPKG_DATA in files else tuple(sorted(_listed(document["packages"]))),
        )

    def identity(self) -> dict[str, Any]:
        """All parts as JSON: the inputs of a key that releases with the same SBOMs share."""
        return asdict(self)


def _is_of_software(path: str) -> bool:
    """Whether a file of a release holds software, or dpkg's data of it."""
    return path == DPKG_DATA or path.startswith(LOADED)


def _named(recipe: Mapping[str, Any]) -> Iterator[str]:
    """Yield the packages that a recipe names; of an element's alternatives (`a | b`) all, of which a tree has one.

    A recipe that another nfsroot made may lack sections.
    """
    yield from recipe.get("debian", {}).get("packages", ())
    if kernel := recipe.get("kernel", {}).get("package"):
        yield kernel
    if recipe.get("logs", {}).get("server"):
        yield LOG_PROGRAM
    left_out = recipe.get("left_out", ())
    for element in recipe.get("elements", ()):
        for need in element.get("packages", ()):
            yield from need.split(" | ")
        yield from (package for package in element.get("default_packages", ()) if package not in left_out)


def _listed(packages: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    for package in packages:
        yield str(package["name"]), str(package["version"]), str(package["architecture"]), str(package["source"])
