from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from recipe_project import BASE, CLUSTER, Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a base recipe, its cluster and its element, all of them right."""
    monkeypatch.chdir(tmp_path)
    made = Project()
    made.element("base")
    made.write("recipes/base.toml", BASE)
    made.write("recipes/clusters/small.toml", CLUSTER)
    return made


@pytest.fixture
def mistakes_of(project: Project) -> Callable[[str], list[str]]:
    """The mistakes of a recipe that extends the base by a text, which starts in line 2."""

    def mistakes(text: str) -> list[str]:
        project.write("recipes/mine.toml", f'extends = "base"\n{text}')
        return project.mistakes()

    return mistakes
