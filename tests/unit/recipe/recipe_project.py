"""A project with recipes and elements of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import RecipeError
from builder.recipe.load import load
from builder.recipe.models import Recipe
from builder.recipe.search import SearchPath

CLUSTER = """\
domain = "mycluster.home"
subnet = "192.168.0.0/24"

[server]
name = "nfsserver"
address = "192.168.0.1"

[[nodes]]
names = "ssi[1-2]"
addresses = "192.168.0.[101-102]"
macs = ["52:54:00:00:01:01", "52:54:00:00:01:02"]
"""

BASE = """\
elements = ["base"]
cluster = "clusters/small.toml"
[root]
path = "/NFSROOT/debian"
"""


class Project:
    """A directory with recipes/ and elements/, which is the current directory."""

    search = SearchPath(recipes=(Path("recipes"),), elements=(Path("elements"),))

    def write(self, path: str, text: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)

    def element(self, name: str, text: str = 'description = "An element"\n', deps: str = "") -> None:
        self.write(f"elements/{name}/element.toml", text)
        self.write(f"elements/{name}/element-deps", deps)

    def load(self, name: str = "mine") -> Recipe:
        return load(name, self.search)

    def mistakes(self, name: str = "mine") -> list[str]:
        with pytest.raises(RecipeError) as caught:
            self.load(name)
        return [str(problem) for problem in caught.value.problems]
