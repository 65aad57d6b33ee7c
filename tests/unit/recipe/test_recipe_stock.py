"""diskimage-builder's own elements: each is documented, and those that cannot go into a tree are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from recipe_project import BASE, Project

from builder.recipe import stock
from builder.recipe.elements import load_elements
from builder.recipe.place import Place
from builder.recipe.search import SearchPath

CHECKOUT = Path(__file__).parents[3]
ASKER = Place(Path("mine.toml"), 1, 1)
OURS = [(name, ASKER) for name in ("debian-root", "nfsroot", "initramfs-nfs", "nfsbooted")]


def installed() -> list[str]:
    """Names of the elements of the installed diskimage-builder."""
    directory = stock.find_directory()
    assert directory
    return sorted(path.name for path in directory.iterdir() if path.is_dir() and not path.name.startswith("__"))


def documented() -> dict[str, tuple[str, str]]:
    """What docs/reference/stock-elements.md says of each element: a word and a remark."""
    text = (CHECKOUT / "docs/reference/stock-elements.md").read_text("utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \| (.*) \|$", text, re.MULTILINE)
    return {name: (word, remark) for name, word, remark in rows}


def test_every_element_is_documented() -> None:
    """The table has a row for each element of diskimage-builder, and for nothing else."""
    assert sorted(documented()) == installed()


@pytest.mark.parametrize("name", installed())
def test_table_says_what_happens(name: str) -> None:
    """What the table says works is taken with all that it depends on; what it says is refused has its reason."""
    word, remark = documented()[name]
    elements, problems = load_elements([*OURS, (name, ASKER)], SearchPath.default(CHECKOUT))
    names = [element.name for element in elements]
    if word == "works":
        assert problems == []
        assert name in names
    elif word == "replaced":
        assert problems == []
        assert name not in names
    else:
        assert word == "refused"
        (problem,) = problems
        assert problem.what.startswith(f"element {name!r}")
        assert remark in problem.what


def test_own_element_may_be_called_like_a_refused_one(project: Project) -> None:
    """What diskimage-builder calls `vm` is refused, and what the user calls so is judged by what it holds."""
    project.element("base")
    project.write("elements/vm/install.d/50-vm", "#!/bin/sh\n")
    project.write("recipes/mine.toml", BASE.replace('["base"]', '["base", "vm"]'))
    assert [element.name for element in project.load().elements] == ["base", "vm"]
    project.write("elements/vm/block-device-default.yaml", "")
    (mistake,) = project.mistakes()
    assert "recipes/mine.toml:1:21: element 'vm' cannot be part of a tree: it sets up a disk" in mistake
