"""`nfsroot-site unpack`: a release appears beside the others, whole and as its list says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from made_releases import Made

from builder.recipe.load import load
from builder.recipe.models import Recipe
from builder.recipe.search import SearchPath
from builder.site.places import Places
from builder.site.records import read_records

SITE = Path(sys.executable).with_name("nfsroot-site")
TREE = [("usr/bin/tool", 0o4755, b"#!/bin/sh\n", "tool"), ("usr/share/empty", 0o644, b"", "tool")]


def recipe(name: str = "kerrighed") -> Recipe:
    """A recipe of the project."""
    return load(name, SearchPath.default())


def site(places: Places, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a verb of the site."""
    return subprocess.run([SITE, "--root", places.root, *words], capture_output=True, text=True, check=False)


def test_tree_served_files_and_record_appear(places: Places, tmp_path: Path) -> None:
    """A release is unpacked with its modes, its kernel is served, and the record has its settings and menus."""
    release = Made(recipe(), "1.0", tree=TREE).write(tmp_path)
    done = site(places, "unpack", release)
    assert (done.returncode, done.stdout) == (0, "kerrighed 1.0 is unpacked\n"), done.stderr
    tool = places.on_server("/NFSROOT/kerrighed/1.0/usr/bin/tool")
    assert (tool.read_bytes(), tool.stat().st_mode & 0o7777) == (b"#!/bin/sh\n", 0o4755)
    assert {file.name for file in (places.served / "kerrighed/1.0").iterdir()} >= {"vmlinuz-6.12.1-amd64"}
    record = read_records(places)["kerrighed"]["1.0"]
    assert record.settings.root.directory == "/NFSROOT/kerrighed/1.0"
    assert "ssi1" in record.menus
    assert record.origin.source == str(release)
    assert [each.name for each in places.on_server("/NFSROOT/kerrighed").iterdir()] == ["1.0"]


def test_a_second_time_nothing_is_done(places: Places, tmp_path: Path) -> None:
    """The very same release is here already; another one of this name and version is refused."""
    first, other = Made(recipe(), "1.0", tree=TREE), Made(recipe(), "1.0", tree=TREE[:1])
    assert site(places, "unpack", first.write(tmp_path / "a")).returncode == 0
    again = site(places, "unpack", tmp_path / "a/kerrighed/1.0")
    assert (again.returncode, again.stdout) == (0, "kerrighed 1.0 is here already\n")
    refused = site(places, "unpack", other.write(tmp_path / "b"))
    assert refused.returncode == 3
    assert "is here already with other content" in refused.stderr
