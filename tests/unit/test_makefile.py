"""`make` as a user without root's rights: what sudo passes on, words with blanks, and what is refused at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
TOOLS = ("sh", "awk", "cat", "grep", "ls", "make", "paste", "printf", "sed", "test", "touch", "env")
SUDO = f"""#!{sys.executable}
import os, sys
kept = {{"PATH", "TERM"}}
arguments = sys.argv[1:]
while arguments[0].startswith("-"):
    kept |= set(arguments.pop(0).removeprefix("--preserve-env=").split(","))
environment = {{name: value for name, value in os.environ.items() if name in kept}}
os.execvpe(arguments[0], arguments, {{**environment, "HOME": "/root", "USER": "root", "SUDO_UID": "1000"}})
"""
"""Drops the environment as sudo(8) does (sudoers(5), env_reset), but for the names in --preserve-env."""

SHOW = f"""#!{sys.executable}
import json, os, sys
print(json.dumps([sys.argv, dict(os.environ)]))
"""
READ = {
    "SOURCE_DATE_EPOCH": "1767225600",
    "http_proxy": "http://proxy.example:3128",
    "https_proxy": "http://proxy.example:3128",
    "no_proxy": "localhost, 192.0.2.0/24",
    "HTTPS_PROXY": "http://proxy.example:3128",
    "NFSROOT_CACHE_DIR": "/var/cache/with a blank",
    "NFSROOT_CACHE_SIZE": "5",
    "XDG_CACHE_HOME": "/home/ann/.cache",
    "ELEMENTS_PATH": "/home/ann/elements:/srv/elements",
    "DIB_DEV_USER_USERNAME": "ann",
    "SSH_AUTH_SOCK": "/run/agent",
    "DOCKER_HOST": "unix:///run/docker.sock",
    "CI": "true",
    "SITE_KEY": "line one\nline two=\"'$",
}
"""What nfsroot or the tests read, SITE_KEY because a recipe names it."""

FOREIGN = {"HOME": "/home/ann", "PYTHONPATH": "/home/ann/lib", "SECRET": "1", "LD_PRELOAD": "", "MY_DIB_": "1"}


@dataclass(frozen=True)
class Checkout:
    """A checkout whose .venv is complete and whose commands write down how they are called."""

    directory: Path

    def make(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run make as a user with the number 1000."""
        return subprocess.run(
            ["make", *arguments],
            cwd=self.directory,
            env={**(env or {}), "PATH": str(self.directory / "bin")},
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self, *arguments: str, env: Mapping[str, str] | None = None) -> tuple[list[str], dict[str, str]]:
        """Arguments and environment of the command that make runs last."""
        done = self.make(*arguments, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        argv, environment = json.loads(done.stdout.splitlines()[-1])
        return argv[1:], environment


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout on a machine where every package is installed."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / "recipes").mkdir()
    for name in ("kerrighed", "my recipe"):
        (tmp_path / f"recipes/{name}.toml").write_text('environment = ["SITE_KEY", "HOME"]\n')
    for directory in ("bin", ".venv/bin"):
        (tmp_path / directory).mkdir(parents=True)
    for name in TOOLS:
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    commands = {"bin/sudo": SUDO, "bin/id": "#!/bin/sh\necho 1000\n", "bin/dpkg-query": "#!/bin/sh\necho ii\n"}
    commands |= {f".venv/bin/{name}": SHOW for name in ("nfsroot", "pytest", "python")}
    for name, text in commands.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    for name in ("pip", "installed"):
        (tmp_path / ".venv" / name).touch()
    return Checkout(tmp_path)


@pytest.mark.parametrize("target", ["image", "plan", "lab", "bench-storm"])
def test_sudo_passes_on_what_the_tool_reads(checkout: Checkout, target: str) -> None:
    """Each variable that nfsroot reads, or that a recipe names, reaches it through sudo; others do not."""
    for name in (".venv/tested",):
        (checkout.directory / name).touch()
    _, environment = checkout.called(target, "RELEASE=output/kerrighed/1.0", env={**READ, **FOREIGN})
    assert {name: environment.get(name) for name in READ} == READ
    assert environment["HOME"] == "/root"
    assert environment["SUDO_UID"] == "1000"
    assert environment.keys().isdisjoint({"PYTHONPATH", "SECRET", "LD_PRELOAD", "MY_DIB_"})


def test_sudo_is_asked_for_nothing_without_need(checkout: Checkout) -> None:
    """Who sets none of the variables needs no right to set any (sudoers(5), SETENV)."""
    (checkout.directory / "bin/sudo").write_text('#!/bin/sh\ncase $1 in -*) exit 1 ;; esac\nexec "$@"\n')
    argv, _ = checkout.called("image", env=FOREIGN)
    assert argv == ["build", "kerrighed", "--output", "output", "--engine", "sandbox"]


def test_variables_on_the_command_line_of_make(checkout: Checkout) -> None:
    """`make image SOURCE_DATE_EPOCH=1` is as good as a variable of the environment."""
    _, environment = checkout.called("image", "SOURCE_DATE_EPOCH=1", "NFSROOT_CACHE_DIR=/cache")
    assert (environment["SOURCE_DATE_EPOCH"], environment["NFSROOT_CACHE_DIR"]) == ("1", "/cache")


def test_words_with_blanks(checkout: Checkout) -> None:
    """Recipe, output directory and key may have blanks and quotes in their names."""
    argv, _ = checkout.called("image", "RECIPE=my recipe", "OUTPUT=it's; here", "VERSION=1 0", "REFRESH=1")
    assert argv == [
        "build", "my recipe", "--output", "it's; here", "--engine", "sandbox", "--version", "1 0", "--refresh",
    ]  # fmt: skip
    assert checkout.called("plan", "RECIPE=my recipe", "OUTPUT=a b")[0] == ["plan", "my recipe", "--output", "a b"]
    assert checkout.called("lab", "RELEASE=a b", "SSH_KEY=my key")[0] == ["lab", "a", "b", "--ssh-key", "my key"]


def test_story_on_a_virtual_server(checkout: Checkout) -> None:
    """A story on a virtual server makes the Debian package first, where the lab looks for it; other labs make none."""
    done = checkout.make("lab", "STORY=update", "SERVER=vm", "RELEASE=debian-nfsroot", "OUTPUT=my output")
    called = [json.loads(line)[0][1:] for line in done.stdout.splitlines() if line.startswith("[")]
    assert called == [
        ["deploy/deb", "my output"],
        ["lab", "debian-nfsroot", "--server", "vm", "--story", "update", "--output", "my output"],
    ]
    for options in (["STORY=update"], ["SERVER=vm"]):
        assert "deploy/deb" not in checkout.make("lab", "RELEASE=debian-nfsroot", *options).stdout


@pytest.mark.parametrize("target", ["image", "plan"])
@pytest.mark.parametrize("recipe", ["kerrihged", "", "it's not", "no/such.toml"])
def test_recipe_that_is_not_there(checkout: Checkout, target: str, recipe: str) -> None:
    """A wrong name is refused before a package or a .venv is installed, with the names that there are."""
    (checkout.directory / ".venv/installed").unlink()
    (checkout.directory / "bin/dpkg-query").write_text("#!/bin/sh\nexit 1\n")
    done = checkout.make(target, f"RECIPE={recipe}")
    assert done.returncode == 2
    assert done.stdout == ""
    expected = f"make: there is no recipe '{recipe}'; name one with RECIPE=NAME: kerrighed my recipe\n"
    assert done.stderr.startswith(expected)


@pytest.mark.parametrize("target", ["image", "lab", "test", "test-full", "bench-storm"])
def test_neither_root_nor_sudo(checkout: Checkout, target: str) -> None:
    """A user who cannot become root is told so before anything is installed."""
    (checkout.directory / "bin/sudo").unlink()
    (checkout.directory / ".venv/installed").unlink()
    done = checkout.make(target)
    assert done.returncode == 2
    assert done.stderr.startswith("make: this needs root, and there is no sudo: run it as root, or install sudo\n")
    assert done.stdout == ""


def test_plan_without_sudo(checkout: Checkout) -> None:
    """Where there is no sudo, a plan looks at the user's own cache."""
    (checkout.directory / "bin/sudo").unlink()
    argv, environment = checkout.called("plan", env={"HOME": "/home/ann"})
    assert argv == ["plan", "kerrighed", "--output", "output"]
    assert environment["HOME"] == "/home/ann"


def test_root_needs_no_sudo(checkout: Checkout) -> None:
    """Root runs everything directly, with root's whole environment."""
    (checkout.directory / "bin/id").write_text("#!/bin/sh\necho 0\n")
    (checkout.directory / "bin/sudo").unlink()
    _, environment = checkout.called("image", env={"SECRET": "1"})
    assert environment["SECRET"] == "1"
    assert "SUDO_UID" not in environment
