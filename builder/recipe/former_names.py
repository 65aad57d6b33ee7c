"""The former names of keys of recipes, which the manifests of older releases have.

`builder.recipe.renaming` does the same for a recipe's file, where each key has a place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OLD, NEW = "access", "login"
"""The former and the present name of the table that says who may log in on nodes."""
PORTS = "ports"
"""The key that stood in the former table and stands above all tables now, as in an element.toml."""


def rename_table(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a recipe, as of a manifest, with new names in place of former ones."""
    rest = {key: value for key, value in recipe.items() if key != OLD}
    old = recipe.get(OLD)
    if not isinstance(old, Mapping):
        return dict(recipe)
    login = {**rest.get(NEW, {}), **{key: value for key, value in old.items() if key != PORTS}}
    return {**rest, NEW: login, **({PORTS: old[PORTS]} if PORTS in old else {})}


def new_path(name: str) -> tuple[str, ...]:
    """The path of the present key for the key `name` of the former table."""
    return (PORTS,) if name == PORTS else (NEW, name)
