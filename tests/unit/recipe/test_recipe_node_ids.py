from __future__ import annotations

from collections.abc import Callable

import pytest
from recipe_project import CLUSTER, Project

from builder.recipe.load import load


@pytest.mark.parametrize(
    ("ids", "mistakes"),
    [
        ("ssi3 = 9", ["3:14: there is no node 'ssi3' in the cluster; did you mean 'ssi2'?"]),
        ("ssi1 = 7, ssi2 = 7", ["3:31: node id 7 is given already at recipes/mine.toml:3:21; "
                                "give every node an id of its own"]),
        ("ssi1 = 2", ["3:21: node id 2 is that of 'ssi2', by its place in the cluster; "
                      "give 'ssi2' an id here too, or write another"]),
        ("ssi1 = 256", ["3:21: kerrighed.node_ids.ssi1 is 256; write 255 or less"]),
        ('ssi1 = "1"', ["3:21: kerrighed.node_ids.ssi1 must be a whole number, not a string; "
                        "write it without quotes, point or fraction"]),
    ],
)  # fmt: skip
def test_mistaken_ids(mistakes_of: Callable[[str], list[str]], ids: str, mistakes: list[str]) -> None:
    """Node ids belong to nodes of the cluster and are unique, defaults included."""
    text = f"[kerrighed]\nnode_ids = {{ {ids} }}"
    assert mistakes_of(text) == [f"recipes/mine.toml:{mistake}" for mistake in mistakes]


def test_exchanged_ids_are_right(project: Project) -> None:
    """An id may be the ordinal of another node that has an id of its own."""
    project.write("recipes/mine.toml", 'extends = "base"\n[kerrighed]\nnode_ids = { ssi1 = 2, ssi2 = 1 }\n')
    recipe = load("mine", project.search)
    assert recipe.kerrighed and recipe.kerrighed.node_ids == {"ssi1": 2, "ssi2": 1}


def test_ordinals_beyond_255_need_ids(project: Project) -> None:
    """Kerrighed's node ids end at 255; a larger cluster must say which nodes have which."""
    large = CLUSTER.replace("/24", "/16").replace("ssi[1-2]", "ssi[1-258]").replace("0.[101-102]", "[1-2].[1-129]")
    macs = ", ".join(f'"52:54:00:00:{number >> 8:02x}:{number & 255:02x}"' for number in range(258))
    project.write("recipes/c.toml", large.replace('"52:54:00:00:01:01", "52:54:00:00:01:02"', macs))
    project.write("recipes/mine.toml", 'extends = "base"\ncluster = "c.toml"\n[kerrighed]\nnode_ids = {ssi256 = 0}\n')
    assert project.mistakes() == [
        "recipes/mine.toml:3:2: no node id for 'ssi257', 'ssi258': ids end at 255; "
        "give ids in kerrighed.node_ids, or have fewer nodes"
    ]
