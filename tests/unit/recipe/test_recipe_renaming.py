from __future__ import annotations

from collections.abc import Callable

import pytest
from recipe_project import Project

from builder.recipe.former_names import rename_table
from builder.recipe.models import Recipe

LOGIN = "write [login] in place of [access]"
PORTS = "write ports = [...] above the first table"


@pytest.mark.parametrize(
    ("text", "notices"),
    [
        (
            "[access]\nssh_keys = []\nports = ['9100/tcp']",
            [
                f"3:1: access.ssh_keys is called login.ssh_keys now; {LOGIN}",
                f"4:1: access.ports is called ports now; {PORTS}",
            ],
        ),
        ("access.ssh_keys = []", [f"2:8: access.ssh_keys is called login.ssh_keys now; {LOGIN}"]),
        ("access = {ports = ['9100/tcp']}", [f"2:11: access.ports is called ports now; {PORTS}"]),
        ("[access]", [f"2:2: access is called login now; {LOGIN}"]),
        ("[login]\nssh_keys = []", []),
    ],
)
def test_old_names_are_told(project: Project, text: str, notices: list[str]) -> None:
    """A recipe with an old name is loaded as with the new one; each old name is told with its place and the new one."""
    project.write("recipes/mine.toml", f'extends = "base"\n{text}\n')
    assert [notice.partition("mine.toml:")[2] for notice in project.load().notices] == notices


def test_values_of_old_names_count(project: Project) -> None:
    """Values by old names take effect, and inherit and add up with those by new names."""
    project.write("recipes/middle.toml", 'extends = "base"\n[access]\nports = ["9100/tcp", "9101/udp"]\n')
    project.write("recipes/mine.toml", 'extends = "middle"\nports = ["-9101/udp", "53/udp"]\n')
    recipe = project.load()
    assert recipe.ports == ("9100/tcp", "53/udp")
    assert len(recipe.notices) == 1 and "middle.toml:3:1: " in recipe.notices[0]


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        (
            "[access]\nssh_keys = []\n[login]\nssh_keys = []",
            [
                "3:1: access.ssh_keys is the old name of login.ssh_keys, which stands at recipes/mine.toml:5:1; "
                "take the old one out"
            ],
        ),
        (
            "ports = []\n[access]\nports = []",
            ["4:1: access.ports is the old name of ports, which stands at recipes/mine.toml:2:1; take the old one out"],
        ),
        ("[access]\nssh_kyes = []", ["3:1: unknown key 'ssh_kyes'; did you mean 'ssh_keys'?"]),
        ("[access]\nports = ['http']", ["3:10: ports[0] is 'http'; write a port"]),
        ("access = 3", ["2:1: unknown key 'access'"]),
    ],
)
def test_mistakes_under_old_names(mistakes_of: Callable[[str], list[str]], text: str, mistakes: list[str]) -> None:
    """A mistake under an old name has its place in the file; old and new name of one key in a file are a mistake."""
    found = mistakes_of(text)
    assert len(found) == len(mistakes)
    for each, mistake in zip(found, mistakes, strict=True):
        assert each.startswith(f"recipes/mine.toml:{mistake}")


def test_recipes_of_older_manifests(kerrighed: Recipe) -> None:
    """The recipe in a manifest with old names is the recipe with new ones."""
    new = kerrighed.model_copy(update={"ports": ("9100/tcp",)}).model_dump(mode="json")
    old = {key: value for key, value in new.items() if key not in ("login", "ports")}
    old["access"] = {**new["login"], "ports": new["ports"]}
    assert rename_table(old) == new
    assert rename_table(new) == new
    assert Recipe.model_validate(old) == Recipe.model_validate(new)
