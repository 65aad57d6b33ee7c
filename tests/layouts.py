"""The layout of a release for tests that render a recipe."""

from __future__ import annotations

from builder.layout import Layout
from builder.recipe.models import Recipe

KERNEL = "6.12.0-1-amd64"


def layout_of(recipe: Recipe, version: str = "1.0", kernel: str = KERNEL, tool: str = "0.1.0") -> Layout:
    """The layout of a release of the recipe, 1.0 by default."""
    return Layout(recipe, version, kernel, tool)
