"""Installs a site's settings: each file by one rename, after all of them are written beside their places."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path

from builder.disk import sync
from builder.errors import NfsrootError
from builder.events import Emit, Notice
from builder.site.comparison import BLOCK_COPY, Change, Comparison
from builder.site.places import Places
from builder.site.strangers import Author

UNFINISHED = ".nfsroot-new"
"""The suffix of a file that is not in its place yet; its name begins with a dot, and no server reads it."""

UNIT_DIRECTORY = ".service.d"
"""The suffix of a directory with settings of a unit, which is removed with the last of these settings."""


def install(places: Places, comparison: Comparison, emit: Emit) -> None:
    """Carry out the changes of a comparison, and update the copies of settings.

    When a call is killed, the next one goes on: the texts that were about to be written stand in `places.pending`.

    :raises NfsrootError: a file cannot be written.
    """
    try:
        _install(places, comparison, emit)
    except OSError as error:
        raise NfsrootError(
            f"{error.filename or places.root} cannot be written: {error.strerror}",
            resolution="Put that right and call the command again: it goes on where this one stopped.",
        ) from error


def _install(places: Places, comparison: Comparison, emit: Emit) -> None:
    changes = comparison.changes
    _back_up(places, changes, emit)
    for change in changes:
        if change.written is not None:
            replace_file(places.pending / change.copy, change.written)
    for change in changes:
        if change.after is not None:
            _write_beside(places.root / change.path, change.after)
    for change in changes:
        _put(places, change)
        emit(Notice(_words(change)))
    for directory in {(places.root / change.path).parent for change in changes}:
        if directory.is_dir():
            sync(directory)
    _note_copies(places, comparison)


def replace_file(file: Path, text: str) -> None:
    """Replace the text of a file, which has the old or the new one at any moment; its mode and owner stay."""
    _write_beside(file, text)
    _unfinished(file).replace(file)


def _write_beside(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _unfinished(file)
    with unfinished.open("w", encoding="utf-8", errors="surrogateescape") as written:
        written.write(text)
        written.flush()
        if file.exists():
            before = file.stat()
            os.fchmod(written.fileno(), before.st_mode & 0o7777)
            os.fchown(written.fileno(), before.st_uid, before.st_gid)
        else:
            os.fchmod(written.fileno(), 0o644)
        os.fsync(written.fileno())


def _put(places: Places, change: Change) -> None:
    file = places.root / change.path
    if change.after is None:
        file.unlink(missing_ok=True)
        if file.parent.name.endswith(UNIT_DIRECTORY) and not any(file.parent.iterdir()):
            file.parent.rmdir()
        return
    try:
        _unfinished(file).replace(file)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        _write_in_place(file)


def _write_in_place(file: Path) -> None:
    """Write into a file over which nothing can be renamed: a container's /etc/hosts is a mount point."""
    with file.open("wb") as written:
        written.write(_unfinished(file).read_bytes())
        written.flush()
        os.fsync(written.fileno())
    _unfinished(file).unlink()


def _unfinished(file: Path) -> Path:
    return file.with_name(f".{file.name}{UNFINISHED}")


def _back_up(places: Places, changes: tuple[Change, ...], emit: Emit) -> None:
    """Keep files that the site did not write: a dated copy, and one that comes back when the site's settings go."""
    strange = [change for change in changes if change.before is not None and not _is_ours(places, change)]
    if not strange:
        return
    directory = places.backups / time.strftime("%Y-%m-%dT%H:%M:%S")
    for change in strange:
        copy = directory / change.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(places.root / change.path, copy)
        kept = places.replaced / change.path
        is_whole = _has_copy(change) and not change.copy.endswith(BLOCK_COPY)
        if change.author is not Author.NFSROOT and is_whole and not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(copy, kept)
    emit(Notice(f"What is replaced is kept in {directory}."))


def _is_ours(places: Places, change: Change) -> bool:
    """Whether the site itself wrote the text before a change."""
    return change.author is Author.NFSROOT and (places.installed / change.copy).exists()


def _note_copies(places: Places, comparison: Comparison) -> None:
    for copy, text in comparison.settled.items():
        file = places.installed / copy
        if text is None:
            _forget(places, copy)
        elif not file.exists() or file.read_text(encoding="utf-8", errors="surrogateescape") != text:
            replace_file(file, text)
    for change in filter(_has_copy, comparison.changes):
        if change.written is not None:
            replace_file(places.installed / change.copy, change.written)
        else:
            _forget(places, change.copy)
        if change.copy.endswith(BLOCK_COPY):
            (places.installed / change.path).unlink(missing_ok=True)
    shutil.rmtree(places.pending, ignore_errors=True)


def _has_copy(change: Change) -> bool:
    return change.copy != ""


def _forget(places: Places, copy: str) -> None:
    for directory in (places.installed, places.replaced):
        (directory / copy).unlink(missing_ok=True)


def _words(change: Change) -> str:
    if not _has_copy(change):
        return f"Raised a limit in /{change.path}."
    if change.after is None:
        return f"Removed /{change.path}."
    if change.written is None:
        return f"Took nfsroot's settings out of /{change.path}, and left those of others."
    return f"{'Installed' if change.before is None else 'Replaced'} /{change.path}."
