from __future__ import annotations

from pathlib import Path

import pytest

import builder
from builder.recipe import stock
from builder.recipe.search import SearchPath


def test_the_projects_own_come_first(tmp_path: Path) -> None:
    """A project's recipe hides its namesake that came with nfsroot; all others are still there."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/kerrighed.toml").write_text("")
    search = SearchPath.default(tmp_path)
    assert search.recipe("kerrighed") == tmp_path / "recipes/kerrighed.toml"
    assert {"debian-nfsroot", "kerrighed"} <= set(search.recipe_names())
    shipped = search.recipe("debian-nfsroot")
    assert shipped and shipped.is_file()


def test_checkout_is_searched_once() -> None:
    """In the checkout the project's directories are the shipped ones."""
    checkout = Path(builder.__file__).parents[1]
    search = SearchPath.default(checkout)
    assert search.recipes == (checkout / "recipes",)
    assert search.elements == (checkout / "elements", stock.find_directory())


def test_elements_of_the_environment_come_first_and_stock_ones_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """$ELEMENTS_PATH hides ours, ours hide diskimage-builder's, and a recipe's own directories hide them all."""
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    for directory in (mine / "sysctl", theirs / "nfsbooted", theirs / "sysctl"):
        directory.mkdir(parents=True)
    monkeypatch.setenv("ELEMENTS_PATH", f"{theirs}:")
    search = SearchPath.default(tmp_path)
    assert search.element("nfsbooted") == theirs / "nfsbooted"
    assert search.element("sysctl") == theirs / "sysctl"
    assert search.before([mine]).element("sysctl") == mine / "sysctl"
    stock_directory = stock.find_directory()
    assert stock_directory and search.element("devuser") == stock_directory / "devuser"


def test_wheel_carries_its_recipes_in_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed from a wheel, recipes and elements stand inside the package."""
    package = tmp_path / "site-packages/builder"
    (package / "recipes").mkdir(parents=True)
    (package / "recipes/kerrighed.toml").write_text("")
    monkeypatch.setattr(builder, "__file__", str(package / "__init__.py"))
    assert SearchPath.default(tmp_path / "project").recipe("kerrighed") == package / "recipes/kerrighed.toml"


def test_cluster_beside_the_recipe_or_among_recipes(tmp_path: Path) -> None:
    """A cluster is found relative to the recipe first, then relative to directories of recipes."""
    search = SearchPath((tmp_path / "recipes",), ())
    for directory in ("recipes", "elsewhere"):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "c.toml").write_text("")
    assert search.cluster("c.toml", tmp_path / "elsewhere/x.toml") == tmp_path / "elsewhere/c.toml"
    assert search.cluster("c.toml", tmp_path / "x.toml") == tmp_path / "recipes/c.toml"
    assert search.cluster("none.toml", tmp_path / "x.toml") is None
