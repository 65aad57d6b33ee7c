"""The commands nfsroot and nfsroot-site, as a story types them on its builder and on its server."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import builder
from builder.errors import NfsrootError
from builder.lab.events import Emit, Ran
from builder.lab.machine.agent import Answer

Run = Callable[[Sequence[str]], Answer]

ENVIRONMENT = ("env", "HOME=/root", "NFSROOT_CACHE_DIR=/var/tmp/cache", "NO_COLOR=1", "PYTHONDONTWRITEBYTECODE=1")
"""The environment of commands; HOME is in the rack's namespace, so that no keys get into the user's home."""


@dataclass(frozen=True)
class Place:
    """A machine where commands are typed: `run` runs one there, `programs` is its directory of nfsroot's programs."""

    run: Run
    programs: Path


@dataclass
class Commands:
    """The commands that were typed so far: those of nfsroot at the builder, those of nfsroot-site on the server."""

    builder: Place
    server: Place
    emit: Emit
    typed: list[Ran] = field(default_factory=list)

    def nfsroot(self, *words: str) -> Ran:
        """Type `nfsroot WORDS...`, which must succeed; raises NfsrootError."""
        return _need_success(self._type(self.builder, "nfsroot", words))

    def site(self, *words: str) -> Ran:
        """Type `nfsroot-site WORDS...`, which must succeed; raises NfsrootError."""
        return _need_success(self.try_site(*words))

    def try_site(self, *words: str) -> Ran:
        """Type `nfsroot-site WORDS...`, which may fail."""
        return self._type(self.server, "nfsroot-site", words)

    def ask(self, *argv: str) -> str:
        """Run a command on the server that is no part of the story and must succeed, and give its output.

        :raises NfsrootError: the command failed.
        """
        return _ask(self.server, argv)

    def ask_builder(self, *argv: str) -> str:
        """Run a command on the builder, as `ask` does on the server."""
        return _ask(self.builder, argv)

    def _type(self, place: Place, program: str, words: Sequence[str]) -> Ran:
        began = time.monotonic()
        answer = place.run([*ENVIRONMENT, str(place.programs / program), *words])
        ran = Ran(shlex.join((program, *words)), answer.status, began, time.monotonic() - began, answer.text)
        self.typed.append(ran)
        self.emit(ran)
        return ran


def _need_success(ran: Ran) -> Ran:
    if ran.status != 0:
        raise NfsrootError(f"{ran.command} failed with exit status {ran.status}", details=ran.output)
    return ran


def _ask(place: Place, argv: Sequence[str]) -> str:
    answer = place.run(argv)
    if answer.status != 0:
        raise NfsrootError(f"{shlex.join(argv)} failed", details=answer.text)
    return answer.text


def list_shared_directories() -> list[Path]:
    """List the directories of this machine that nfsroot needs to run in the rack's namespace: Python and nfsroot."""
    wanted = {Path(sys.prefix), Path(sys.base_prefix), Path(builder.__file__).resolve().parent.parent, Path("/usr")}
    outermost = {path for path in wanted if wanted.isdisjoint(path.parents)}
    return sorted(outermost - {Path("/usr")})


def find_programs() -> Path:
    """Find the directory of this machine with the programs nfsroot and nfsroot-site."""
    return Path(sys.prefix) / "bin"
