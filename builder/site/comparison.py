"""Compares the settings that a site composed with those on the server, and finds changes and conflicts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from builder.settings.programs import HTTP_SERVER
from builder.site import blocks
from builder.site.composition import Composition
from builder.site.errors import RefusedError
from builder.site.places import Places
from builder.site.strangers import Author, author, read

BLOCK_COPY = ".block"
"""The suffix of the name of a block's copy."""

NGINX_CONF = "etc/nginx/nginx.conf"
CONNECTIONS = re.compile(r"^[^#\n]*worker_connections +([0-9]+);", re.MULTILINE)

LINES = 30
"""The most lines of a difference that a message shows."""


class Change(NamedTuple):
    """A file that is to change: its path, its text before and after (None: no file), and the author of the text before.

    The site keeps a copy of the text that it writes: `copy` is the name of the copy, `written` its text.  Both are
    empty where the site only raises a number in a file of others.
    """

    path: str
    before: str | None
    after: str | None
    author: Author
    copy: str
    written: str | None

    @property
    def has_meaning(self) -> bool:
        """Whether more than comments change, so that a service has to read the file again."""
        return _statements(self.before) != _statements(self.after)


class Conflict(NamedTuple):
    """Settings that somebody changed by hand, in three versions.

    `base` is the text that the site wrote (None: it wrote none), `found` the text on the server, `new` the composed
    text (None: no settings).
    """

    path: str
    base: str | None
    found: str
    new: str | None


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison: changes of files, and conflicts.

    `kept` are the paths of files that somebody changed by hand, and into which the site has nothing new to write.
    `settled` has the texts of settings that are in place already, by the names of their copies (None: the settings have
    gone).
    """

    changes: tuple[Change, ...]
    conflicts: tuple[Conflict, ...]
    kept: tuple[str, ...]
    settled: Mapping[str, str | None]

    @property
    def news(self) -> frozenset[str]:
        """The paths of files that are to change in more than comments."""
        return frozenset(change.path for change in self.changes if change.has_meaning)


def compare(places: Places, composition: Composition, *, replace: bool = False) -> Comparison:
    """Compare composed settings with those on the server; with `replace`, conflicts become changes."""
    found = list(_compare_all(places, composition))
    conflicts = [each for each in found if isinstance(each, Conflict)]
    forced = [_force(places, each) for each in conflicts] if replace else []
    return Comparison(
        changes=tuple([*(each for each in found if isinstance(each, Change)), *forced]),
        conflicts=() if replace else tuple(each for each in conflicts if each.base != each.new),
        kept=() if replace else tuple(each.path for each in conflicts if each.base == each.new),
        settled={each.copy: each.written for each in found if isinstance(each, Settled)},
    )


class Settled(NamedTuple):
    """Settings that are in place as composed: the name of their copy, and their text.

    The text is None when the site's settings have gone, and their copy has not.
    """

    copy: str
    written: str | None


Verdict = Change | Conflict | Settled


def refuse(conflicts: tuple[Conflict, ...]) -> None:
    """Refuse to replace settings that somebody changed by hand.

    :raises RefusedError: there are conflicts; the error shows the three versions of each.
    """
    if conflicts:
        several = "s" if len(conflicts) > 1 else ""
        raise RefusedError(
            f"nfsroot would replace what others wrote: {', '.join(f'/{each.path}' for each in conflicts)}; "
            "nothing was changed",
            details="\n".join(map(describe, conflicts)),
            resolution=f"Take the change{several} into the recipe or the cluster's file, and unpack its new release.\n"
            "Or have nfsroot replace them, which keeps the files of now below /var/backups/nfsroot:\n"
            "  nfsroot-site --replace ...",
        )


def describe(conflict: Conflict) -> str:
    """A conflict as two differences: the lines that somebody changed, and the lines that the site would change."""
    path, base, found, new = conflict
    ours = "as nfsroot would have it"
    if base is None:
        return f"/{path}, which nfsroot did not write:\n{_difference(found, new, 'as it is', ours)}"
    by_hand = _difference(base, found, "as nfsroot wrote it", "as it is")
    by_us = _difference(base, new, "as nfsroot wrote it", ours)
    return f"/{path}, changed by hand:\n{by_hand}\n/{path}, to be changed by nfsroot:\n{by_us}"


def _difference(before: str, after: str | None, name: str, other: str) -> str:
    lines = list(difflib.unified_diff(before.splitlines(), (after or "").splitlines(), name, other, lineterm="", n=1))
    more = [f"({len(lines) - LINES} more lines)"] if len(lines) > LINES else []
    return "\n".join(f"  {line}" for line in [*lines[:LINES], *more])


def _compare_all(places: Places, composition: Composition) -> Iterator[Verdict]:
    if any(program.name == HTTP_SERVER for program in composition.programs):
        yield from _raise_connections(places, composition.sizes.http_connections)
    for path, new in composition.files.items():
        yield from _compare_file(places, path, new)
    for path, block in composition.blocks.items():
        yield from _compare_block(places, path, block)
    wanted = {*composition.files, *(f"{path}{BLOCK_COPY}" for path in composition.blocks)}
    for copy in sorted(copies(places) - wanted):
        if copy.endswith(BLOCK_COPY):
            yield from _compare_block(places, copy.removesuffix(BLOCK_COPY), None)
        elif f"{copy}{BLOCK_COPY}" not in wanted:
            yield from _compare_file(places, copy, None)


def _raise_connections(places: Places, number: int) -> Iterator[Change]:
    """Yield the change that raises the number of connections in nginx.conf, its only place, where it is too small."""
    text = read(places.root / NGINX_CONF)
    found = CONNECTIONS.search(text or "")
    if text is not None and found and int(found[1]) < number:
        raised = f"{text[: found.start(1)]}{number}{text[found.end(1) :]}"
        yield Change(NGINX_CONF, text, raised, Author.OTHER, "", None)


def _compare_file(places: Places, path: str, new: str | None) -> Iterator[Verdict]:
    found, bases = read(places.root / path), _bases(places, path)
    if found == (_original(places, path) if new is None else new):
        yield Settled(path, new)
    elif found is None:
        yield Change(path, None, new, Author.NFSROOT, path, new)
    elif found in bases:
        yield Change(path, found, _original(places, path) if new is None else new, Author.NFSROOT, path, new)
    elif bases:
        yield Conflict(path, bases[0], found, new)
    elif (wrote := author(places, path, found)) is Author.OTHER:
        yield Conflict(path, None, found, new)
    else:
        yield Change(path, found, new, wrote, path, new)


def _compare_block(places: Places, path: str, new: str | None) -> Iterator[Verdict]:
    text, copy = read(places.root / path) or "", f"{path}{BLOCK_COPY}"
    shared, bases = blocks.split(text), _bases(places, copy)
    if shared.block == new:
        yield Settled(copy, new)
    elif shared.block is None or not bases or shared.block in bases:
        yield Change(path, text or None, blocks.join(shared, new), Author.OTHER, copy, new)
    else:
        yield Conflict(path, bases[0], shared.block, new)


def _force(places: Places, conflict: Conflict) -> Change:
    """The change that replaces settings in conflict by the composed ones."""
    text = read(places.root / conflict.path) or ""
    shared = blocks.split(text)
    if shared.block is not None and conflict.found == shared.block:
        joined = blocks.join(shared, conflict.new)
        return Change(conflict.path, text, joined, Author.OTHER, f"{conflict.path}{BLOCK_COPY}", conflict.new)
    return Change(conflict.path, text, conflict.new, Author.OTHER, conflict.path, conflict.new)


def _statements(text: str | None) -> list[str] | None:
    """The lines of a text that are neither empty nor comments; None for no file."""
    if text is None:
        return None
    return [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]


def _bases(places: Places, copy: str) -> list[str]:
    """The settings that the site wrote last, and those that it was about to write when it was killed."""
    found = (read(directory / copy) for directory in (places.installed, places.pending))
    return [text for text in found if text is not None]


def copies(places: Places) -> set[str]:
    """The names of the copies of settings that the site has written, or was about to write when it was killed."""
    return {
        str(file.relative_to(directory))
        for directory in (places.installed, places.pending)
        for file in directory.rglob("*")
        if file.is_file()
    }


def _original(places: Places, path: str) -> str | None:
    return read(places.replaced / path)
