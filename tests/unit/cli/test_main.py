"""The command itself: help, exit statuses, misspelt verbs, completion."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

import builder
from builder.cli import plan as plan_verb
from builder.cli.main import VERBS, cli
from builder.errors import InputError, NfsrootError

Nfsroot = Callable[..., Any]
NFSROOT = Path(sys.executable).with_name("nfsroot")


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb(nfsroot: Nfsroot, verb: str) -> None:
    """Each verb says what it does, with an example and a sentence for every option."""
    ended = nfsroot(verb, "--help")
    assert ended.status == 0
    assert f"nfsroot {verb}" in ended.out.split("Example", 1)[1]
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    assert [option.name for option in command.params if isinstance(option, click.Option) and not option.help] == []


def test_help_lists_every_verb(nfsroot: Nfsroot) -> None:
    """The command's own help has examples, all verbs, and the exit statuses."""
    for option in ("--help", "-h"):
        ended = nfsroot(option)
        assert ended.status == 0
        assert all(f"  {verb} " in ended.out and words in ended.out for verb, words in VERBS.items())
        assert "nfsroot build kerrighed" in ended.out
        assert (
            "Exit status: 0 done; 1 failed; 2 the input is wrong; 3 refused or not trusted; 130 interrupted."
            in ended.out
        )


IMPORTED = """
import sys
from builder.cli.main import main
sys.argv = ["nfsroot", "--help"]
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def test_help_imports_nothing_heavy() -> None:
    """The command's help is quick: it loads neither the recipe's models nor any verb."""
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=False)
    loaded = set(done.stderr.split())
    assert "builder.cli.main" in loaded
    assert not {"pydantic", "jinja2", "rich", "builder.build", "builder.cli.build"} & loaded


def test_version(nfsroot: Nfsroot) -> None:
    """--version gives the installed version."""
    assert nfsroot("--version").out == f"nfsroot, version {builder.__version__}\n"


@pytest.mark.parametrize(("typed", "meant"), [("biuld", "build"), ("plna", "plan"), ("docter", "doctor")])
def test_misspelt_verb(nfsroot: Nfsroot, typed: str, meant: str) -> None:
    """A misspelt verb is a mistake of the user's, with a guess at what was meant."""
    ended = nfsroot(typed)
    assert ended.status == 2
    assert f"Did you mean {meant!r}?" in ended.err


@pytest.mark.parametrize(
    "arguments", [("xyzzy",), ("build",), ("build", "--egnine", "docker"), ("build", "x", "--engine", "lxc")]
)
def test_wrong_usage(nfsroot: Nfsroot, arguments: tuple[str, ...]) -> None:
    """An unknown verb, option or engine and a missing recipe end with status 2 and no traceback."""
    ended = nfsroot(*arguments)
    assert ended.status == 2
    assert "Error:" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (
            NfsrootError("it broke", details="  | line", resolution="Mend it."),
            1,
            "nfsroot: it broke\n  | line\n-> Mend it.\n",
        ),
        (InputError("it is wrong"), 2, "nfsroot: it is wrong\n"),
        (KeyboardInterrupt(), 130, "\ninterrupted\n"),
        (click.Abort(), 130, "interrupted\n"),
    ],
)
def test_how_errors_end_the_command(
    nfsroot: Nfsroot, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, words: str
) -> None:
    """Each kind of error has its exit status, and its text is all that is seen of it."""

    def fail(_directory: Path | None) -> None:
        raise error

    monkeypatch.setattr(plan_verb.options, "cache_at", fail)
    ended = nfsroot("plan", "kerrighed")
    assert (ended.status, ended.err) == (status, words)


def test_reader_that_goes_away() -> None:
    """A command whose reader has gone, as after `| head -1`, ends as by SIGPIPE and without a traceback."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([NFSROOT, "schema"], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str) -> None:
    """The installed command prints its completion for each shell."""
    env = {**os.environ, "_NFSROOT_COMPLETE": f"{shell}_source"}
    done = subprocess.run([NFSROOT], env=env, capture_output=True, text=True, check=True)
    assert "_NFSROOT_COMPLETE" in done.stdout
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=True)


@pytest.mark.parametrize(
    ("words", "expected"), [("nfsroot pl", ["plain,plan"]), ("nfsroot build ker", ["plain,kerrighed"])]
)
def test_completion_knows_verbs_and_recipes(tmp_path: Path, words: str, expected: list[str]) -> None:
    """Verbs are completed, and after one of them the names of recipes."""
    env = {
        **os.environ,
        "_NFSROOT_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = subprocess.run([NFSROOT], env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == expected
