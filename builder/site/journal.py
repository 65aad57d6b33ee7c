"""The journal of a site: each change is written down before it is made, and again when it is done.

A change is a new state of the site.  The server's files follow from the state: to finish a change that was interrupted,
its state is applied once more.  `undo` makes an earlier state the new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from builder.errors import NfsrootError
from builder.site import aside, staging
from builder.site import state as states
from builder.site.places import Places
from builder.site.state import SiteState

Apply = Callable[[SiteState], None]
"""A function that brings the server's files and services to a state; a second call changes nothing."""


@dataclass(frozen=True)
class Entry:
    """A change of the site.

    `begun` and `ended` are times in seconds since 1970 (UTC); `ended` is None as long as the change is under way, or
    when it was interrupted.  `command` is the command that somebody typed, `user` the name of that person (under
    sudo(8), of the one who called it).  `problem` is the reason why a change that is not ended stopped half-way, with
    the way out; empty when it was killed.
    """

    number: int
    command: tuple[str, ...]
    user: str
    begun: float
    before: SiteState
    after: SiteState
    ended: float | None = None
    problem: str = ""

    def document(self) -> dict[str, Any]:
        """The entry as a JSON document."""
        return {
            "number": self.number,
            "command": list(self.command),
            "user": self.user,
            "begun": self.begun,
            "ended": self.ended,
            "problem": self.problem,
            "before": self.before.document(),
            "after": self.after.document(),
        }


@contextlib.contextmanager
def locked(places: Places, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of the site during the block: one verb at a time changes it (flock(2)).

    :raises NfsrootError: the site's data cannot be written; another verb is at work and `wait` is false.
    """
    try:
        places.data.mkdir(parents=True, exist_ok=True, mode=0o755)
        handle = os.open(places.data, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise NfsrootError(
            f"{places.data} cannot be written: {error.strerror}", resolution="Run nfsroot-site as root."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    except BlockingIOError as error:
        raise NfsrootError("another nfsroot-site is at work here", resolution="Wait for its end.") from error
    finally:
        os.close(handle)


def change(places: Places, command: tuple[str, ...], after: SiteState, apply: Apply) -> Entry:
    """Bring the site to the state `after`, with an entry in the journal; the caller holds the lock.

    :raises NfsrootError: the change failed half-way; the next verb finishes it (`recover`).
    """
    entry = Entry(_next_number(places), command, _user(), time.time(), states.read(places.state), after)
    _write(places, entry)
    return _carry_out(places, entry, apply)


def recover(places: Places, apply: Apply) -> Entry | None:
    """Finish the last change if it was interrupted; the caller holds the lock.

    Before that, releases that a killed run unpacked are put into place, or removed.  Afterwards, releases are removed
    that a killed run was about to remove, for nobody exports them any more.
    """
    staging.sweep(places)
    last = next(reversed(read_entries(places)), None)
    finished = None if last is None or last.ended is not None else _carry_out(places, last, apply)
    aside.remove_set_aside(places)
    return finished


def read_entries(places: Places) -> list[Entry]:
    """All changes, the oldest first.

    :raises NfsrootError: the journal cannot be read.
    """
    return [_read(file) for file in sorted(places.journal.glob("[0-9]*.json"))]


def read_backwards(places: Places, most: int) -> list[Entry]:
    """The last changes, `most` at most, the newest first; errors as `read_entries`."""
    return [_read(file) for file in sorted(places.journal.glob("[0-9]*.json"), reverse=True)[:most]]


def _carry_out(places: Places, entry: Entry, apply: Apply) -> Entry:
    try:
        apply(entry.after)
        states.write(places.state, entry.after)
    except NfsrootError as error:
        with contextlib.suppress(NfsrootError):  # a full disk has no room for this either
            _write(places, replace(entry, problem=" ".join(f"{error.brief}; {error.resolution}".split())))
        raise
    done = replace(entry, ended=time.time(), problem="")
    _write(places, done)
    return done


def _write(places: Places, entry: Entry) -> None:
    states.replace_file(places.journal / f"{entry.number:06}.json", entry.document())


def _next_number(places: Places) -> int:
    return max((int(file.stem) for file in places.journal.glob("[0-9]*.json")), default=0) + 1


def _read(file: Path) -> Entry:
    try:
        table = json.loads(file.read_bytes())
        return Entry(
            number=int(table["number"]),
            command=tuple(map(str, table["command"])),
            user=str(table["user"]),
            begun=float(table["begun"]),
            before=states.parse(table["before"]),
            after=states.parse(table["after"]),
            ended=None if table["ended"] is None else float(table["ended"]),
            problem=str(table.get("problem", "")),
        )
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise NfsrootError(f"{file} cannot be read: {error!r}") from error


def _user() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return str(os.getuid())
