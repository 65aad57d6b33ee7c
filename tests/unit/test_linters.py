"""Rules that hold for every file of the project."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import diskimage_builder
import pytest
import tomli
from layouts import layout_of
from pip._internal.models.index import PyPI

from builder.recipe.models import Recipe
from builder.server import bundle

PROJECT = Path(__file__).parents[2]
ELEMENTS = sorted(path.parent for path in PROJECT.glob("elements/*/element.toml"))
DIB_ELEMENTS = {path.name for path in Path(diskimage_builder.__file__).parent.glob("elements/*")}
SCRIPT = re.compile(rb"#! ?/bin/(ba)?sh\b|#! ?/usr/bin/env (ba)?sh\b|(#.*\n)*# shellcheck shell=")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git knows or would add, which is still there."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    )
    paths = (PROJECT / name.decode() for name in listing.stdout.split(b"\0") if name)
    return tuple(sorted(path for path in paths if path.is_file()))


def scripts() -> list[Path]:
    """Every shell script, by its first line, or what it tells shellcheck; a template is one only when rendered."""
    return [path for path in tracked() if SCRIPT.match(path.read_bytes()) and path.suffix != ".j2"]


def test_there_are_files_to_check() -> None:
    """The rules below look at something."""
    assert PROJECT / "pyproject.toml" in tracked()
    assert PROJECT / "elements/debian-root/root.d/10-bootstrap" in scripts()
    assert len(ELEMENTS) >= 5


@pytest.mark.parametrize("script", scripts(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_shell_scripts_are_clean(script: Path) -> None:
    """shellcheck finds nothing in any shell script of the project."""
    done = subprocess.run(
        ["shellcheck", "--external-sources", f"--source-path={script.parent}", str(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("recipe_name", ["debian", "kerrighed"])
def test_rendered_install_script_is_clean(recipe_name: str, request: pytest.FixtureRequest) -> None:
    """shellcheck finds nothing in install.sh as a server gets it."""
    recipe: Recipe = request.getfixturevalue(recipe_name)
    script = next(file for file in bundle.render(layout_of(recipe)) if file.path == "install.sh")
    done = subprocess.run(["shellcheck", "-"], input=script.content, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize("element", ELEMENTS, ids=lambda path: path.name)
def test_element_is_complete(element: Path) -> None:
    """Each element says what it is for, declares its variables, and names what it depends on."""
    assert (element / "README.rst").read_text().strip()
    assert tomli.loads((element / "element.toml").read_text())["description"]
    dependencies = set((element / "element-deps").read_text().split())
    assert dependencies <= {path.name for path in ELEMENTS} | DIB_ELEMENTS


@pytest.mark.parametrize(
    "hook",
    [path for path in PROJECT.glob("elements/*/*.d/*") if path.is_file()],
    ids=lambda path: str(path.relative_to(PROJECT)),
)
def test_hooks_are_executable(hook: Path) -> None:
    """A hook that is not executable would be passed over in silence."""
    assert hook.stat().st_mode & 0o111


def registries() -> set[str]:
    """Hosts of package registries: those that apt and pip are configured for here, and those built into pip."""
    files = [*Path("/etc/apt").glob("sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    texts = [configured.stdout, *(file.read_text(errors="replace") for file in files)]
    urls = re.findall(r"https?://[^\s'\"\]]+", "\n".join(texts))
    hosts = {urllib.parse.urlsplit(url).hostname or "" for url in urls} | {PyPI.netloc, PyPI.file_storage_domain}
    return {host for host in hosts if "." in host and not re.fullmatch(r"[\d.]+", host)}


def test_no_host_of_a_registry() -> None:
    """No file names the host of a package registry: mirrors are the tools' own defaults or the recipe's."""
    hosts = {host.encode() for host in registries()}
    texts = {path: path.read_bytes() for path in tracked()}
    assert [(path, host) for path, text in texts.items() for host in hosts if host in text] == []


def test_no_binary_is_tracked() -> None:
    """Everything in git is text that a person can review."""
    assert [str(path.relative_to(PROJECT)) for path in tracked() if b"\0" in path.read_bytes()] == []


def undescribed(path: Path) -> Iterator[str]:
    """Test functions without a docstring of one sentence."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            text = ast.get_docstring(node)
            if not text or not text.rstrip().endswith("."):
                yield f"{path.relative_to(PROJECT)}:{node.lineno}: {node.name}"


def test_every_test_says_what_must_hold() -> None:
    """Each test function has a docstring, in which whoever it fails reads what must hold."""
    files = [path for path in tracked() if path.name.startswith("test_") and path.suffix == ".py"]
    assert len(files) > 20
    assert [line for path in files for line in undescribed(path)] == []
