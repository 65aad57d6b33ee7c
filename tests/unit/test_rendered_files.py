"""A recipe's file may have any name: it stands in comments and as one quoted word."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from layouts import layout_of

from builder.overlay.render import render
from builder.recipe.models import Recipe
from builder.rendered_files import header
from builder.server import bundle

NAMES = (
    "my recipe",
    "a\ntouch here",
    "a\rb\x0bc\x85d\u2028e",
    "it's; $(touch here) `touch here` \"\\",
    "\udcff",
    "Größe \u2014",
)


def named(recipe: Recipe, name: str) -> Recipe:
    """The recipe, read from a file of that name."""
    return recipe.model_copy(update={"files": (Path(f"/recipes/{name}.toml"), *recipe.files[1:])})


@pytest.mark.parametrize("name", NAMES)
def test_name_of_a_recipe_stays_in_its_comment(kerrighed: Recipe, name: str) -> None:
    """The header of a file is two lines of comment, whatever the recipe is called."""
    lines = header(layout_of(named(kerrighed, name))).splitlines()
    assert len(lines) == 2
    assert all(line.startswith("# ") for line in lines)


@pytest.mark.parametrize("name", NAMES)
def test_name_of_a_recipe_is_no_command(kerrighed: Recipe, name: str, tmp_path: Path) -> None:
    """A shell that reads /etc/nfsroot-release gets the name as it is, but for signs that no line has."""
    files = render(layout_of(named(kerrighed, name)), "root:*:1:0:99999:7:::\n")
    content = next(bytes(file.content) for file in files if file.path == "etc/nfsroot-release")
    (tmp_path / "nfsroot-release").write_bytes(content)
    script = ["sh", "-euc", '. ./nfsroot-release; printf %s "$RECIPE"']
    read = subprocess.run(script, cwd=tmp_path, capture_output=True, check=True)
    expected = name.encode(errors="surrogateescape").decode(errors="replace")
    assert read.stdout.decode() == "".join(sign if sign.isprintable() else "?" for sign in expected)
    assert [path.name for path in tmp_path.iterdir()] == ["nfsroot-release"]


def test_name_of_a_recipe_puts_nothing_into_install_sh(kerrighed: Recipe) -> None:
    """The bundle of a recipe with a line in its name is that of another name but for the comments."""
    plain, odd = (
        {file.path: bytes(file.content) for file in bundle.render(layout_of(named(kerrighed, name)))}
        for name in ("a?touch here", "a\ntouch here")
    )
    assert odd == plain


def test_manifest_of_a_recipe_with_any_name(kerrighed: Recipe) -> None:
    """A name that is no UTF-8, or has a line in it, can be written down."""
    for name in NAMES:
        assert named(kerrighed, name).model_dump_json().isprintable()
