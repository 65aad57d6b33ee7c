"""A fast path for builds whose release exists: a check that no file has changed since the last build.

A build that finds its release spends nearly all of its time on importing the modules that read a recipe and plan a
build.  Its result depends on files alone.  So a build records its invocation (recipe, options, directory), its result,
and the digests of these files.  The next build with the same invocation compares the digests first, with little more
than the standard library.  When anything differs, it plans as usual.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import builder
from builder.cache import Cache
from builder.events import Caution, Notice
from builder.keys import digest_of_files, digest_of_times, entries, key_of
from builder.recipe.search import ELEMENTS_PATH, SearchPath

Remark = Notice | Caution
REMARKS: dict[str, type[Remark]] = {kind.__name__: kind for kind in (Notice, Caution)}

CONTENT = "content"
PROGRAM = "program"
"""The kind of digest of nfsroot's own files: of sizes and times of change, which are read faster than contents."""
Fingerprint = list[tuple[str, str, str]]
"""The kind of digest, path (or name of a variable) and digest of everything that a result depends on."""

TICK = 0.05
"""The greatest delay, in seconds, of the kernel's clock for files, which ticks at least a hundred times a second."""

NOTHING = "nothing"
"""The digest that stands for a file, a directory or a variable that does not exist."""


class Invocation(NamedTuple):
    """The arguments of a build: all that its result depends on except files.  `directory` is the working directory."""

    recipe: str
    version: str | None
    source_date: int | None
    output: str
    directory: str

    @property
    def name(self) -> str:
        """The name under which the cache keeps the result."""
        return key_of(self._asdict())


class RecordedBuild(NamedTuple):
    """The result of an earlier build: the release's directory, and notices and cautions for the user."""

    directory: Path
    remarks: tuple[Remark, ...]


def find(cache: Cache, invocation: Invocation) -> RecordedBuild | None:
    """The recorded result of `invocation`, when no file has changed since; None when a build must plan as usual."""
    known = cache.answer(invocation.name)
    try:
        if not known or _content(Path(known["directory"])) != known["content"]:
            return None
        if any(_digest(kind, path) != digest for kind, path, digest in known["watched"]):
            return None
        return RecordedBuild(Path(known["directory"]), tuple(REMARKS[kind](text) for kind, text in known["remarks"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # damaged, or by another version of nfsroot
        return None


def take_fingerprint(
    files: Iterable[Path], elements: Iterable[Path] = (), environment: Iterable[str] = ()
) -> Fingerprint:
    """The digests, as of now, of this program, of `files` (or of all files in a directory), and of search paths.

    `elements` are directories in which the recipe looks for elements before all others, `environment` the variables
    that the recipe gives to hooks.
    """
    search = SearchPath.default()
    watched = [*((CONTENT, str(path)) for path in files), (PROGRAM, str(Path(builder.__file__).parent))]
    # A new recipe or element in one of these directories may hide the one that was used.
    watched += [("recipes", str(directory)) for directory in search.recipes]
    watched += [("elements", str(directory)) for directory in (*elements, *search.elements)]
    watched += [("variable", name) for name in (*environment, ELEMENTS_PATH)]
    return [(kind, path, _digest(kind, path)) for kind, path in watched]


def record(
    cache: Cache,
    invocation: Invocation,
    result: RecordedBuild,
    read: Fingerprint,
    began: float,
    watched_files: Iterable[Path],
) -> None:
    """Record the result, which depends on what was `read` since `began` (Unix time), and on the `watched_files`.

    When a file was changed since `began`, even for a moment, the build may have read another content: then record
    nothing.
    """
    if any(_changed(Path(path)) > began - TICK for kind, path, _digest_then in read if kind == CONTENT):
        return
    known = {
        "directory": str(result.directory),
        "content": _content(result.directory),
        "remarks": [(type(remark).__name__, remark.text) for remark in result.remarks],
        "watched": [*read, *((CONTENT, str(path), _digest(CONTENT, str(path))) for path in watched_files)],
    }
    cache.remember_answer(invocation.name, known)


def _changed(path: Path) -> float:
    """The time (Unix time) of the last change of a file, or of any file in a directory: content, mode or name."""
    if not path.exists():
        return 0
    inside = entries(path) if path.is_dir() else []
    return max([path.stat().st_ctime, *(each.lstat().st_ctime for each in inside)])


def _content(release: Path) -> Any:
    return json.loads((release / "manifest.json").read_bytes())["content"]


def _digest(kind: str, name: str) -> str:
    if kind == "variable":
        return hashlib.sha256(os.fsencode(os.environ[name])).hexdigest() if name in os.environ else NOTHING
    path = Path(name)
    if not path.exists():
        return NOTHING
    if kind == "recipes":
        return key_of({"names": sorted(str(found.relative_to(path)) for found in path.rglob("*.toml"))})
    if kind == "elements":
        return key_of({"names": sorted(entry.name for entry in path.iterdir())})
    if kind == PROGRAM:
        return digest_of_times(path)
    return digest_of_files(path) if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
