"""Text is UTF-8 and whatever is at the other end of a stream is borne, whichever locale the program runs in."""

from __future__ import annotations

import ast
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
NFSROOT = Path(sys.executable).with_name("nfsroot")
READERS = {"read_text", "write_text"}
OPENERS = {"open", "fdopen", "NamedTemporaryFile", "TextIOWrapper"}
NO_FILES = {"os", "tarfile", "gzip"}
"""Modules whose open() is another one."""


def without_encoding(tree: ast.AST) -> Iterator[int]:
    """The lines of calls that open, read or write text in the locale's encoding."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or any(keyword.arg == "encoding" for keyword in call.keywords):
            continue
        match call.func:
            case ast.Attribute(attr=name, value=ast.Name(id=module)) if (module, name) != ("os", "fdopen"):
                known = name if module not in NO_FILES else ""
            case ast.Attribute(attr=name) | ast.Name(id=name):
                known = name
            case _:
                continue
        values = [*call.args, *(keyword.value for keyword in call.keywords)]
        modes = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
        is_method = isinstance(call.func, ast.Attribute)
        binary = any("b" in mode and set(mode) <= set("rwxab+") for mode in modes)
        is_text = any(keyword.arg in ("text", "universal_newlines") for keyword in call.keywords)
        if is_text or (known in READERS and is_method) or (known in OPENERS and not binary):
            yield call.lineno


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("path.read_text()\npath.write_text(x)\nopen(path)\npath.open('w')", [1, 2, 3, 4]),
        ("os.fdopen(handle)\nsubprocess.run(argv, text=True)", [1, 2]),
        (
            "path.read_text(encoding='utf-8')\npath.open('rb')\nos.open(p, 0)\nread_text(p)\nos.fdopen(1, 'wb')",
            [],
        ),
    ],
)
def test_the_rule_finds_what_it_looks_for(source: str, lines: list[int]) -> None:
    """Text that is read or written without an encoding is found, bytes and calls with one are not."""
    assert sorted(without_encoding(ast.parse(source))) == lines


def test_every_text_has_an_encoding() -> None:
    """No module reads or writes text in the locale's encoding."""
    modules = sorted(PROJECT.glob("builder/**/*.py"))
    assert len(modules) > 100
    trees = {module: ast.parse(module.read_text(encoding="utf-8")) for module in modules}
    assert [f"{module}:{line}" for module, tree in trees.items() for line in without_encoding(tree)] == []


@pytest.fixture(scope="session")
def latin_1(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment whose locale has the encoding ISO 8859-1."""
    directory = tmp_path_factory.mktemp("locale")
    subprocess.run(["localedef", "-i", "en_US", "-f", "ISO-8859-1", directory / "en_US"], check=True)
    foreign = ("PYTHONUTF8", "PYTHONIOENCODING", "LANG", "LANGUAGE", "SOURCE_DATE_EPOCH", "VERSION")
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    return {**environment, "LOCPATH": str(directory), "LC_ALL": "en_US"}


def run(script: str, environment: dict[str, str], directory: Path) -> bytes:
    """What a Python script writes."""
    argv = [sys.executable, "-c", script]
    return subprocess.run(argv, env=environment, cwd=directory, capture_output=True, check=True).stdout


def test_the_locale_is_real(latin_1: dict[str, str], tmp_path: Path) -> None:
    """Without an encoding Python would write Latin-1 here."""
    script = "import locale, sys; print(locale.getpreferredencoding(), sys.stdout.encoding, sys.flags.utf8_mode)"
    assert run(script, latin_1, tmp_path).split() == [b"ISO-8859-1", b"iso8859-1", b"0"]


MANIFEST = """
import os, sys
from pathlib import Path
from builder.container.engine import Job, environment
from builder.layout import Layout
from builder.overlay.render import render
from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.release.manifest import Manifest
from builder.release.output import finish
recipe = load(os.fsdecode(sys.stdin.buffer.read()), SearchPath.default(Path(%r)))
for file in render(Layout(recipe, "1.0", "6.12.1-amd64", "0.1.0"), "root:*:1:0:99999:7:::\\n"):
    sys.stdout.buffer.write(bytes(file.content))
manifest = Manifest(name="big", version="1.0", content="c", source_date=0, kernel_version="6", server_directory="/",
    recipe=recipe.model_dump(mode="json"), tools={}, steps={}, files=(), packages=())
Path("release").mkdir()
finish(Path("release"), manifest)
sys.stdout.buffer.write(Path("release/manifest.json").read_bytes())
given = environment(Job(("true",), Path(), environment={"MOTD": "Gr\\u00f6\\u00dfe \\u2014 \\u20ac"}))["MOTD"]
sys.stdout.buffer.write(os.fsencode(given))
"""


@pytest.mark.parametrize("seed", range(2))
def test_a_release_knows_nothing_of_the_locale(latin_1: dict[str, str], tmp_path: Path, seed: int) -> None:
    """Manifest, checksums, overlay and the environment of a job have the same bytes in Latin-1 as in UTF-8."""
    signs = "aß\u20ac\u2014\u0416\U0001f600 '\"$"
    name = "".join(random.Random(seed).choices(signs, k=8)).encode() + b".toml"
    written = []
    for place, environment in (("a", latin_1), ("b", {**latin_1, "LC_ALL": "C.UTF-8"})):
        directory = tmp_path / place
        directory.mkdir()
        with open(os.path.join(os.fsencode(directory), name), "w", encoding="utf-8") as recipe:  # noqa: PTH118, PTH123
            recipe.write(f'extends = "kerrighed"\n[image]\nname = "big"\ndescription = "{signs[:6]}"\n')
        script = subprocess.run(
            [sys.executable, "-c", MANIFEST % str(PROJECT)],
            input=name,
            env=environment,
            cwd=directory,
            capture_output=True,
            check=False,
        )
        assert script.returncode == 0, script.stderr.decode(errors="replace")
        written.append(script.stdout)
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=directory / "release", check=True)
    assert written[0] == written[1]
    assert b"from " + name in written[0]


def nfsroot(command: str, environment: dict[str, str], directory: Path) -> tuple[list[int], str]:
    """The exit status of each part of a pipe that begins with `nfsroot`, and what it wrote to standard error."""
    reader, writer = os.pipe()
    script = f'"$0" {command}; echo "${{PIPESTATUS[@]}}" >&{writer}'
    done = subprocess.run(
        ["bash", "-c", script, NFSROOT], env=environment, cwd=directory, stderr=subprocess.PIPE, pass_fds=[writer]
    )
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as told:
        return [int(status) for status in told.read().split()], done.stderr.decode()


@pytest.mark.parametrize(
    ("command", "statuses", "message"),
    [
        ("list >/dev/full", [1], "nfsroot: standard output cannot be written: No space left on device\n"),
        ("plan kerrighed >/dev/full", [1], "nfsroot: standard output cannot be written: No space left on device\n"),
        ("--help >/dev/full", [1], "nfsroot: [Errno 28] No space left on device\n"),
        ("list >/dev/full 2>&1", [1], ""),
        ("show nowhere 2>/dev/full", [2], ""),
        ("nonsense 2>/dev/full", [2], ""),
        ("plan kerrighed | true", [141, 0], ""),
    ],
)
def test_output_that_nobody_takes(tmp_path: Path, command: str, statuses: list[int], message: str) -> None:
    """A full disk ends a verb in one sentence, a reader that has gone in the status of SIGPIPE, and neither in more."""
    environment = {**os.environ, "NFSROOT_CACHE_DIR": str(tmp_path / "cache")}
    assert nfsroot(command, environment, tmp_path) == (statuses, message)


def test_characters_that_the_terminal_lacks(latin_1: dict[str, str], tmp_path: Path) -> None:
    """What Latin-1 does not have is shown as an escape; JSON is UTF-8 all the same."""
    (tmp_path / "recipes").mkdir()
    text = 'extends = "kerrighed"\n[image]\ndescription = "ß \u2014 \u20ac"\nnane = "\u2014"\n'
    (tmp_path / "recipes/odd.toml").write_text(text, encoding="utf-8")
    refused = subprocess.run([NFSROOT, "check", "odd"], env=latin_1, cwd=tmp_path, capture_output=True, check=False)
    assert refused.returncode == 2, refused.stderr
    (tmp_path / "recipes/odd.toml").write_text(text.replace("nane", "#"), encoding="utf-8")
    shown = subprocess.run([NFSROOT, "check", "odd", "--json"], env=latin_1, cwd=tmp_path, capture_output=True)
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout.decode())["image"]["description"] == "ß \u2014 \u20ac"
    script = "from builder.cli import output; output.accept_every_character(); output.write('\\u00df \\u2014')"
    assert run(script, latin_1, tmp_path) == b"\xdf \\u2014\n"
