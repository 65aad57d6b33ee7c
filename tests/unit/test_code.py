"""The code that a step runs: found by following imports, whole, and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import builder
from builder.code import Code

TOP = Path(builder.__file__).parent
MODULES = {
    ".".join(("builder", *path.relative_to(TOP).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(TOP.rglob("*.py"))
}


def imported(tree: ast.AST) -> Iterator[str]:
    """The modules of this package that a module imports, as Python's own parser sees it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "builder")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, "imports name their modules in full"
            if node.module.partition(".")[0] == "builder":
                for alias in node.names:
                    inside = f"{node.module}.{alias.name}"
                    yield inside if inside in MODULES else node.module


@pytest.mark.parametrize("name", MODULES)
def test_imports_are_those_that_python_sees(name: str) -> None:
    """The pattern finds every import of every module, wherever it stands, and nothing that looks like one."""
    assert set(Code().module(name).imports) == set(imported(ast.parse(MODULES[name].read_text())))


def test_templates_are_filled_by_modules_beside_them() -> None:
    """Whoever fills templates names its own package, so that the templates beside it are those that it fills."""
    for name, path in MODULES.items():
        if "builder.templates" in Code().module(name).imports:
            assert (path.parent / "templates").is_dir(), f"{name} fills templates and has none"
            others = {each for each in MODULES if each != name.rpartition(".")[0] and f'"{each}"' in path.read_text()}
            assert not others, f"{name} fills templates of {others}"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program of a few modules, of which `one` imports `two`, and with that the package around it."""
    for name, text in {
        "__init__.py": "import builder.never\n",
        "one.py": "def later() -> None:\n    from builder.inside import (\n        two,  # (a remark)\n    )\n",
        "inside/__init__.py": "from builder.told import say\n",
        "inside/two.py": "import os\nfrom builder.templates import fill\nimport builder.one\n",
        "inside/templates/etc/hosts.j2": "127.0.0.1 localhost\n",
        "templates.py": "",
        "told.py": "from builder.untold import more\n",
        "untold.py": "",
        "never.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_imports_are_followed(program: Path) -> None:
    """A module brings what it imports, at its top or in a function, in circles too, and the packages around that."""
    reached = Code(program).reached(["builder.one"])
    names = {"one", "inside", "inside.two", "templates", "told", "untold"}
    assert reached == {f"builder.{name}" for name in names}


def test_nothing_beyond_is_followed(program: Path) -> None:
    """What is beyond does not count, nor what that alone imports; a package is beyond with all that is in it."""
    assert Code(program).reached(["builder.one"], ["builder.told"]) == {
        "builder.one",
        "builder.inside",
        "builder.inside.two",
        "builder.templates",
    }
    assert Code(program).reached(["builder.one"], ["builder.inside"]) == {"builder.one"}


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ("one.py", True),
        ("inside/__init__.py", True),
        ("inside/two.py", True),
        ("inside/templates/etc/hosts.j2", True),
        ("told.py", False),
        ("untold.py", False),
        ("never.py", False),
        ("__init__.py", False),
    ],
)
def test_digest_is_of_what_is_reached(program: Path, changed: str, counts: bool) -> None:
    """A changed file that is reached is another digest, and no other file is."""
    before = Code(program).digest("builder.one", beyond=["builder.told"])
    with (program / changed).open("a") as file:
        file.write("# changed\n")
    assert (Code(program).digest("builder.one", beyond=["builder.told"]) != before) == counts


def test_alone(program: Path) -> None:
    """A module may count without what it imports."""
    before = Code(program).digest(alone=["builder.one"])
    (program / "inside/two.py").write_text("")
    assert Code(program).digest(alone=["builder.one"]) == before
    (program / "one.py").write_text("")
    assert Code(program).digest(alone=["builder.one"]) != before


def test_module_that_is_not_there(program: Path) -> None:
    """A step whose module was renamed has no key by mistake."""
    with pytest.raises(KeyError, match=r"builder\.gone"):
        Code(program).digest("builder.gone")
