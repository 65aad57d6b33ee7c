"""The server bundle of a recipe, installed by its own install.sh into a directory."""

from __future__ import annotations

import subprocess
from pathlib import Path

from layouts import layout_of

from builder.recipe.models import Recipe
from builder.server.bundle import render


def install_bundle(recipe: Recipe, directory: Path) -> Path:
    """Write the recipe's bundle below `directory`, install it into a file system tree beside, and return the tree."""
    bundle, installed = directory / "bundle", directory / "installed"
    for file in render(layout_of(recipe)):
        (bundle / file.path).parent.mkdir(parents=True, exist_ok=True)
        (bundle / file.path).write_bytes(file.content)
    installed.mkdir()
    subprocess.run(["sh", bundle / "install.sh", "--root", installed], check=True, capture_output=True)
    return installed
