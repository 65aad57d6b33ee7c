"""Whether anything changed since a build: its question, and every file that the answer came from.

A build that finds its release spends nearly all of its time on importing what reads a recipe and plans a build.
What it finds depends on files alone.  So a build writes down which, and the next one that is asked the same looks at
them first, with little more than the standard library.  Any difference, and the build goes its whole way.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import builder
from builder.cache import Cache
from builder.events import Caution, Notice
from builder.keys import digest_of_files, entries, key_of
from builder.recipe.search import ELEMENTS_PATH, SearchPath

Remark = Notice | Caution
REMARKS: dict[str, type[Remark]] = {kind.__name__: kind for kind in (Notice, Caution)}

CONTENT = "content"
Watched = list[tuple[str, str, str]]
"""Kind of digest, path (or name of a variable) and digest of everything that an answer came from."""

TICK = 0.05
"""Seconds by which the kernel's clock for files may be late: it ticks a hundred times a second at least."""

NOTHING = "nothing"
"""Stands for the content of a file, a directory or a variable that is not there."""


@dataclass(frozen=True)
class Question:
    """What a build is asked: everything but files that its answer depends on.  `directory` is where it was asked."""

    recipe: str
    version: str | None
    source_date: int | None
    output: str
    directory: str

    @property
    def name(self) -> str:
        """Under which the cache remembers the answer."""
        return key_of(asdict(self))


class Answer(NamedTuple):
    """The release's directory, and what a user should know of it."""

    directory: Path
    remarks: tuple[Remark, ...]


def find(cache: Cache, question: Question) -> Answer | None:
    """The answer to `question` when it was answered before and no file is different; None says nothing either way."""
    known = cache.answer(question.name)
    try:
        if not known or _content(Path(known["directory"])) != known["content"]:
            return None
        if any(_digest(kind, path) != digest for kind, path, digest in known["watched"]):
            return None
        return Answer(Path(known["directory"]), tuple(REMARKS[kind](text) for kind, text in known["remarks"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # damaged, or of another nfsroot
        return None


def look(files: Iterable[Path], elements: Iterable[Path] = (), environment: Iterable[str] = ()) -> Watched:
    """What `files` hold now, or all files in one of them, and this program.

    `elements` are directories in which the recipe looks for elements before all others, `environment` the variables
    that it takes along.
    """
    search = SearchPath.default()
    watched = [*((CONTENT, str(path)) for path in files), ("program", str(Path(builder.__file__).parent))]
    # A recipe or an element that appears in one of these may hide the one that was taken.
    watched += [("recipes", str(directory)) for directory in search.recipes]
    watched += [("elements", str(directory)) for directory in (*elements, *search.elements)]
    watched += [("variable", name) for name in (*environment, ELEMENTS_PATH)]
    return [(kind, path, _digest(kind, path)) for kind, path in watched]


def remember(
    cache: Cache, question: Question, answer: Answer, read: Watched, began: float, kept: Iterable[Path]
) -> None:
    """Write down the answer, which came from what was `read` since `began` (Unix time), and from files that are `kept`.

    Who changes a file meanwhile, even if only for a moment, may have had another one built: nothing is written down.
    """
    if any(_changed(Path(path)) > began - TICK for kind, path, _digest_then in read if kind == CONTENT):
        return
    known = {
        "directory": str(answer.directory),
        "content": _content(answer.directory),
        "remarks": [(type(remark).__name__, remark.text) for remark in answer.remarks],
        "watched": [*read, *((CONTENT, str(path), _digest(CONTENT, str(path))) for path in kept)],
    }
    cache.remember_answer(question.name, known)


def _changed(path: Path) -> float:
    """When a file, or one in a directory, was changed last (Unix time): its content, its mode or its name."""
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
    return digest_of_files(path) if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
