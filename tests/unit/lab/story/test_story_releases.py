from __future__ import annotations

import os
from pathlib import Path

import pytest

from builder.errors import InputError
from builder.lab.story.story_releases import EXTRA_RELEASES, PACKAGE, UNIT, need_suitable, write_recipes
from builder.recipe.load import load
from builder.recipe.models import Recipe
from builder.recipe.search import SearchPath


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recipe]:
    """The recipes of a story, as a build reads them, and that of the release on trial, A."""
    search = SearchPath.default()
    first = load("debian-nfsroot", search)
    files = write_recipes(tmp_path_factory.mktemp("story"), "debian-nfsroot", first)
    return {"A": first} | {letter: load(str(file), search) for letter, file in files.items()}


def test_parts_are_releases_of_one_name(recipes: dict[str, Recipe]) -> None:
    """All releases but the other cluster's have the name of the one on trial."""
    names = {letter: recipe.image.name for letter, recipe in recipes.items()}
    assert names == {"A": "debian-nfsroot", "B": "debian-nfsroot", "C": "debian-nfsroot", "D": "debian-nfsroot"} | {
        "other": "other"
    }
    assert [part.letter for part in EXTRA_RELEASES] == list(recipes)[1:]


def test_update_has_one_package_more(recipes: dict[str, Recipe]) -> None:
    """The update differs from the release on trial in one package."""
    assert set(recipes["B"].debian.packages) - set(recipes["A"].debian.packages) == {PACKAGE}
    assert recipes["B"].elements == recipes["A"].elements


def test_boot_that_is_never_complete(recipes: dict[str, Recipe]) -> None:
    """A hook that may be executed makes the boot incomplete."""
    element = next(element for element in recipes["C"].elements if element.name == UNIT)
    hook = element.path / "install.d" / f"50-{UNIT}"
    assert os.access(hook, os.X_OK)
    assert "boot-complete.target.requires" in hook.read_text()


def test_second_cluster_shares_nothing(recipes: dict[str, Recipe]) -> None:
    """The second cluster has a subnet, names and MAC addresses of its own, and the same server."""
    first, other = recipes["A"].cluster, recipes["other"].cluster
    assert not first.subnet.overlaps(other.subnet)
    assert {node.name for node in first.nodes}.isdisjoint(node.name for node in other.nodes)
    assert {node.mac for node in first.nodes}.isdisjoint(node.mac for node in other.nodes)
    assert first.server.name == other.server.name
    assert recipes["A"].root.path != recipes["other"].root.path


def test_shared_root_is_refused(tmp_path: Path) -> None:
    """Nodes that share one writable root cannot try an update; nor can a root over HTTP show what NFS does."""
    need_suitable(load("debian-nfsroot", SearchPath.default()))
    with pytest.raises(InputError, match="share one writable root"):
        need_suitable(load("kerrighed", SearchPath.default()))
    over_http = tmp_path / "over-http.toml"
    over_http.write_text('extends = "debian-image"\n[root]\ntransport = "http"\n')
    with pytest.raises(InputError, match="does not come over NFS"):
        need_suitable(load(str(over_http), SearchPath.default()))
