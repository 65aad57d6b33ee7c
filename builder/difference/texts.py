"""Compares the text files of two releases: unified diffs in which the releases' own names do not count.

A release's menus, exports and overlay name the release: in a header, in paths, in titles.  A file that differs in
these names alone is the same to a reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from builder.difference.listing import Change
from builder.release.manifest import Manifest
from builder.release.unpacking import Text

CONTEXT = 3
"""The number of lines that a diff shows before and after a change."""
MOST_LINES = 20_000
"""The most lines of both files together that are compared: of longer files, which take too long, lines are counted."""
READABLE = 0o004
"""The permission of everybody to read (chmod(2)); a file without it may be a secret, such as /etc/shadow."""
DERIVED = re.compile(
    r"(?<=Made by nfsroot )\S+(?= from)|(?<=^TOOL_VERSION=).*"
    r"|(?<=fsid=)[0-9a-f-]{36}|(?<=Export_Id = )\d+(?=;)|^=+$"
)
"""Words that depend on the version of nfsroot or of the release: the version, numbers of exports, a title's line."""


@dataclass(frozen=True)
class TextChange:
    """A text file that differs between two releases.

    `path` is its path in the second release, or in the first if it is removed; `added` and `removed` count lines.
    `withheld` says that its lines are not shown: not everybody may read the file, or it is too long to compare.
    """

    path: str
    change: Change
    added: int
    removed: int
    withheld: bool
    diff: tuple[str, ...]


@dataclass(frozen=True)
class TextChanges:
    """The files that differ, and the number of files that differ in the releases' names alone."""

    files: tuple[TextChange, ...]
    names_only: int


class Names:
    """The names of a release and its kernel in the release's files."""

    def __init__(self, manifest: Manifest) -> None:
        name, version = re.escape(manifest.name), re.escape(manifest.version)
        above = re.escape(manifest.server_directory.rpartition("/")[0])
        end = r"(?![A-Za-z0-9~+]|\.\d)"
        called = rf"(?<![A-Za-z0-9])(?:{name}[/ -]|VERSION=){version}{end}"
        placed = rf"(?P<above>{above}/){version}{end}"
        kernel = rf"(?<![A-Za-z0-9.]){re.escape(manifest.kernel_version)}(?![A-Za-z0-9+~])"
        self._pattern = re.compile(rf"{placed}|{called}|(?P<kernel>{kernel})")

    def unify(self, text: str) -> str:
        """The text with the same words for every release, its kernel and the nfsroot that made it."""
        return DERIVED.sub("", self._pattern.sub(_common_word, text))


def _common_word(found: re.Match[str]) -> str:
    return "<kernel>" if found["kernel"] else f"{found['above'] or ''}<release>"


def compare_texts(before: Mapping[str, Text], after: Mapping[str, Text], names: tuple[Names, Names]) -> TextChanges:
    """The changes between two sets of files, sorted by path without the releases' names."""
    old = {names[0].unify(path): (path, text) for path, text in before.items()}
    new = {names[1].unify(path): (path, text) for path, text in after.items()}
    changes, names_only = [], 0
    for place in sorted(old.keys() | new.keys()):
        (old_path, one), (new_path, other) = old.get(place, ("", None)), new.get(place, ("", None))
        if one and other and one == other:
            continue
        change = _compare(new_path or old_path, one, other, names)
        if change:
            changes.append(change)
        else:
            names_only += 1
    return TextChanges(tuple(changes), names_only)


def _compare(path: str, one: Text | None, other: Text | None, names: tuple[Names, Names]) -> TextChange | None:
    """The change of one file; None when the file differs in names alone."""
    old, new = _lines(one), _lines(other)
    old_common, new_common = [names[0].unify(line) for line in old], [names[1].unify(line) for line in new]
    modes = (one and one.mode, other and other.mode)
    if one and other and old_common == new_common and modes[0] == modes[1]:
        return None
    change = Change.CHANGED if one and other else Change.ADDED if other else Change.REMOVED
    if len(old) + len(new) > MOST_LINES:
        return TextChange(path, change, len(new), len(old), True, ())
    matcher = SequenceMatcher(None, old_common, new_common)
    blocks = matcher.get_opcodes()
    added = sum(j2 - j1 for tag, _, _, j1, j2 in blocks if tag != "equal")
    removed = sum(i2 - i1 for tag, i1, i2, _, _ in blocks if tag != "equal")
    secret = any(text and not text.mode & READABLE for text in (one, other))
    lines = () if secret else (*_mode_lines(*modes), *_unified(matcher, old, new))
    return TextChange(path, change, added, removed, secret, lines)


def _lines(text: Text | None) -> list[str]:
    lines = text.content.decode(errors="backslashreplace").split("\n") if text else []
    return lines if lines and lines[-1] else lines[:-1]


def _mode_lines(before: int | None, after: int | None) -> Iterator[str]:
    if before is not None and after is not None and before != after:
        yield f"old mode {before:04o}"
        yield f"new mode {after:04o}"


def _unified(matcher: SequenceMatcher[str], old: list[str], new: list[str]) -> Iterator[str]:
    """Yield the lines of a unified diff (POSIX diff(1), -U); equal lines have the form of the second file."""
    for group in matcher.get_grouped_opcodes(CONTEXT):
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@"
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (f" {line}" for line in new[j1:j2])
            else:
                yield from (f"-{line}" for line in old[i1:i2])
                yield from (f"+{line}" for line in new[j1:j2])


def _range(start: int, stop: int) -> str:
    length = stop - start
    return f"{start + 1 if length else start},{length}" if length != 1 else f"{start + 1}"
