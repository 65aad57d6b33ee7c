from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recipe_project import Project

from builder.errors import Problem, RecipeError
from builder.recipe.document import Document, read

PATHS = [
    "extends", "elements", "cluster", "image", "image.name", "debian", "debian.packages", "kernel.arguments",
    "initramfs.compression", "root", "root.path", "root.access", "root.writable", "boot.variants", "boot.uefi",
    "login", "login.root_password_hash", "login.ssh_keys", "ports",
    "access", "access.root_password_hash", "access.ssh_keys", "access.ports",
    "kerrighed", "kerrighed.node_ids", "variables", "variables.base",
    "cluster.subnet", "cluster.gateway", "cluster.server", "cluster.server.name", "cluster.nodes", "xyzzy",
]  # fmt: skip
SCALARS = st.booleans() | st.integers(-1, 300) | st.sampled_from(["", "base", "10.0.0.1", "10.0.0.0/8", "/a", "n[1-3]"])
KEYS = st.sampled_from(["names", "addresses", "macs", "macs_file", "path", "kind", "name", "x"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


def toml(value: Any) -> str:
    """The value as inline TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        (b"a = [1,\n", ":2:1: not TOML: invalid value; see https://toml.io for the syntax"),
        (b"a = 1\na = 2\n", ":2:6: not TOML: cannot overwrite a value; see https://toml.io for the syntax"),
        (b"a = 1\nb = '\xe4'\n", ":2:6: not UTF-8 text; save the file as UTF-8"),
        (b"a = " + b"[" * 5000, ": nested too deeply; recipes need no more than three levels"),
    ],
)
def test_unreadable_file(tmp_path: Path, content: bytes, mistake: str) -> None:
    """Syntax and encoding are shown with line and column."""
    file = tmp_path / "x.toml"
    file.write_bytes(content)
    assert str(read(file)) == f"{file}{mistake}"


def test_missing_file_and_directory(tmp_path: Path) -> None:
    """What the system says about a file is passed on."""
    assert read(tmp_path / "x") == Problem(tmp_path / "x", 0, 0, "cannot be read: No such file or directory")
    assert read(tmp_path) == Problem(tmp_path, 0, 0, "cannot be read: Is a directory")


def test_carriage_returns_do_not_shift_positions(tmp_path: Path) -> None:
    """A file from an editor that ends lines with CR LF has the same lines and columns."""
    file = tmp_path / "x.toml"
    file.write_bytes(b"# c\r\na = 1\r\n  b = 2\r\n")
    document = read(file)
    assert isinstance(document, Document)
    assert document.at(("b",)) == (file, 3, 7)


def test_elements_move_up_with_their_marks(tmp_path: Path) -> None:
    """Taking an element out keeps every other value at its own place in the file."""
    file = tmp_path / "x.toml"
    file.write_text("a = [\n{b = 1},\n{b = 2}\n]\n")
    document = read(file)
    assert isinstance(document, Document)
    shorter = document.without({("a", 0)})
    assert (shorter.data, shorter.at(("a", 0, "b"))) == ({"a": [{"b": 2}]}, (file, 3, 6))
    assert shorter.has_dropped(("a",)) and shorter.has_dropped(("a", 0, "b")) and not shorter.has_dropped(("c",))


def test_what_is_not_written_stands_where_its_table_is(tmp_path: Path) -> None:
    """A missing key is shown at the header of its table, or for the whole file."""
    file = tmp_path / "x.toml"
    file.write_text("\n[a]\n")
    document = read(file)
    assert isinstance(document, Document)
    assert (document.at(("a", "b", "c")), document.at(("x", "y"))) == ((file, 2, 2), (file, 0, 0))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.sampled_from(PATHS), VALUES, max_size=4))
def test_whatever_is_written_is_a_recipe_or_a_mistake(project: Project, values: dict[str, Any]) -> None:
    """No recipe makes the loader fail in another way than by telling its mistakes."""
    project.write("recipes/mine.toml", "".join(f"{path} = {toml(value)}\n" for path, value in values.items()))
    try:
        project.load()
    except RecipeError as error:
        assert error.problems
