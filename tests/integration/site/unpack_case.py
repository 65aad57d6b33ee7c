"""Releases for a site, and its verbs as somebody types them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from made_releases import Made, with_changes
from store_case import Case

from builder.recipe.choices import WritableKind
from builder.recipe.load import load
from builder.recipe.models import Recipe, WritableDirectory
from builder.recipe.search import SearchPath
from builder.site.places import Places
from builder.store.storage.directory import DirectoryStorage

SITE = Path(sys.executable).with_name("nfsroot-site")
TREE = (("usr/bin/tool", 0o4755, b"#!/bin/sh\n", "tool"), ("usr/share/empty", 0o644, b"", "tool"))


def recipe(name: str = "kerrighed") -> Recipe:
    """A recipe of the project."""
    return load(name, SearchPath.default())


def with_shared(changed: Recipe, path: str) -> Recipe:
    """A recipe whose nodes share one writable directory."""
    return with_changes(changed, root__writable=(WritableDirectory(path=path, kind=WritableKind.SHARED),))


def release(
    directory: Path, version: str = "1.0", tree: Sequence[tuple[str, int, bytes, str]] = TREE, name: str = "kerrighed"
) -> Path:
    """A small release in a directory, whole and true."""
    return Made(recipe(name), version, tree=tree).write(directory)


def site(places: Places, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a verb of the site as a root user who is not the publisher."""
    argv = [SITE, "--root", places.root, *words]
    env = {**os.environ, "HOME": str(places.root / "root")}
    return subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", check=False, env=env)


def store(directory: Path) -> Case:
    """An empty store in a directory, and its publisher."""
    return Case(DirectoryStorage(directory / "store"), directory / "releases")
