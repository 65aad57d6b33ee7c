"""Publishes two small releases into the store $1, as a person with the home directory $2; prints the fingerprint."""

from __future__ import annotations

import sys
from pathlib import Path

from made_deb import PROJECT
from made_releases import Made
from store_case import Case

from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.store import reader
from builder.store.storage.directory import DirectoryStorage

TREE = (("usr/bin/tool", 0o4755, b"#!/bin/sh\n", "tool"), ("usr/share/empty", 0o644, b"", "tool"))

store, home = map(Path, sys.argv[1:])
case = Case(DirectoryStorage(store), home / "releases")
for version, channel in (("1.0", "stable"), ("1.1", "test")):
    recipe = load("kerrighed", SearchPath.default(PROJECT))
    case.publish(Made(recipe, version, tree=TREE).write(case.releases), channel=channel)
print(reader.open_trusted(case.storage).fingerprint)
