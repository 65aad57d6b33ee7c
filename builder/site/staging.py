"""Stages: directories in which a release is unpacked, beside those to which they are renamed at the end.

A release has a tree, files that TFTP and HTTP serve, perhaps shared directories, and a record.  Each of them is made in
a directory `.VERSION.unpacking` beside its own; then all are renamed, the record last.  The record's stage is made
first and has the file `stages.json`, which names the others: after a kill, the next run removes these stages, or
renames those that were not renamed yet.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from builder.disk import sync, sync_file_system
from builder.errors import NfsrootError
from builder.settings.release import ReleaseSettings
from builder.site import state as states
from builder.site.places import Places
from builder.store.errors import RefusedError

STAGES = "stages.json"
SUFFIX = ".unpacking"
SECONDS_TO_END = 3.0
"""The time in which the children of an nfsroot-site that was killed end: until then they hold locks, or write files."""
PAUSE = 0.05
"""Seconds between two tries."""


@dataclass(frozen=True)
class Stage:
    """A directory that is made at `path` and will be renamed to `target`."""

    path: Path
    target: Path

    @classmethod
    def beside(cls, target: Path) -> Stage:
        """The stage of the directory `target`, beside it."""
        return cls(target.with_name(f".{target.name}{SUFFIX}"), target)


@dataclass(frozen=True)
class Staging:
    """The stages of a release: its tree or image, the files to serve, its record, and its shared directories.

    `tree` and `served` are one directory where HTTP serves the image.  `shared` is None where shared directories stay
    in the tree.  `standing` are stages whose target is in place already: they are not renamed, but removed at the end.
    """

    tree: Stage
    served: Stage
    record: Stage
    shared: Stage | None
    standing: frozenset[Stage] = frozenset()

    @classmethod
    def of(cls, places: Places, settings: ReleaseSettings) -> Staging:
        """The stages of the release with these settings."""
        root = settings.root
        apart = bool(root.shared) and root.shared_directory != root.directory
        return cls(
            tree=Stage.beside(places.on_server(root.directory)),
            served=Stage.beside(places.served / settings.tftp_directory.lstrip("/")),
            record=Stage.beside(places.releases / settings.name / settings.version),
            shared=Stage.beside(places.on_server(root.shared_directory)) if apart else None,
        )

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages but the record's, each once."""
        return tuple(dict.fromkeys((self.tree, self.served, *((self.shared,) if self.shared else ()))))

    def with_standing(self) -> Staging:
        """These stages, with those marked whose target is in place already.

        :raises RefusedError: something that is no directory is in the place of one.
        """
        standing = frozenset(stage for stage in self.stages if os.path.lexists(stage.target))
        for stage in standing:
            if stage.target.is_symlink() or not stage.target.is_dir():
                raise RefusedError(
                    f"{stage.target} is there already, is no directory, and nfsroot-site did not make it",
                    resolution="Move it away if no node uses it, or give the release another version.",
                )
        return replace(self, standing=standing)

    @contextlib.contextmanager
    def begun(self) -> Iterator[None]:
        """Make empty stages, and hold their lock during the block; an error in the block removes them.

        :raises RefusedError: another nfsroot-site unpacks this release.
        """
        self.record.path.mkdir(parents=True, exist_ok=True)
        with _lock(self.record.path, SECONDS_TO_END) as is_held:
            if not is_held:
                raise RefusedError(
                    f"another nfsroot-site unpacks {self.record.target.parent.name} {self.record.target.name} now",
                    resolution="Wait for its end.",
                )
            try:
                _clear(self.record.path, self.stages)
                self._note(self.stages, ready=False)
                for stage in self.stages:
                    stage.path.mkdir(parents=True)
                yield
            except BaseException:
                _remove(self.record.path, self.stages)
                raise

    def sync(self) -> None:
        """Bring all stages to the disk."""
        seen: set[int] = set()
        for stage in (*self.stages, self.record):
            device = stage.path.stat().st_dev
            if device not in seen:
                seen.add(device)
                sync_file_system(stage.path)

    def finish(self) -> None:
        """Rename each stage into place, the record last: then the release is unpacked."""
        if self.record.path.exists():
            for stage in self.standing:
                shutil.rmtree(stage.path)
            stages = tuple(stage for stage in self.stages if stage not in self.standing)
            self._note(stages, ready=True)
            _rename(self.record, stages)

    def _note(self, stages: tuple[Stage, ...], *, ready: bool) -> None:
        paths = [[str(stage.path), str(stage.target)] for stage in stages]
        states.replace_file(self.record.path / STAGES, {"ready": ready, "stages": paths})


def sweep(places: Places) -> None:
    """Finish or remove the stages that killed runs left; the caller holds the lock of the site."""
    for record in sorted(places.releases.glob(f"*/.*{SUFFIX}")):
        with _lock(record) as is_held:
            if is_held:
                _sweep(record)


def _sweep(record: Path) -> None:
    ready, stages = _read(record / STAGES)
    if ready:
        _rename(Stage(record, record.with_name(record.name[1 : -len(SUFFIX)])), stages)
    else:
        _remove(record, stages)


def _read(file: Path) -> tuple[bool, tuple[Stage, ...]]:
    """The content of stages.json: whether the stages are ready to be renamed, and the stages.

    A run that was killed before it wrote the file has made no stages.
    """
    try:
        table = json.loads(file.read_bytes())
        return bool(table["ready"]), tuple(Stage(Path(path), Path(target)) for path, target in table["stages"])
    except FileNotFoundError:
        return False, ()
    except (ValueError, LookupError, TypeError) as error:
        raise NfsrootError(f"{file} cannot be read: {error!r}", resolution=f"Remove {file.parent}.") from error


def _rename(record: Stage, stages: tuple[Stage, ...]) -> None:
    for stage in (*stages, record):
        if stage.path.exists():
            stage.path.rename(stage.target)
            sync(stage.target.parent)
    (record.target / STAGES).unlink(missing_ok=True)


def _remove(record: Path, stages: tuple[Stage, ...]) -> None:
    """Remove stages, and the record's last, for it names the others."""
    for path in (*(stage.path for stage in stages), record):
        _remove_tree(path)


def _clear(record: Path, stages: tuple[Stage, ...]) -> None:
    """Empty a record's stage, and remove the others."""
    _, before = _read(record / STAGES)
    for path in (*(stage.path for stage in (*stages, *before)), *record.iterdir()):
        if path.is_dir():
            _remove_tree(path)
        elif os.path.lexists(path):
            path.unlink()


def _remove_tree(path: Path) -> None:
    """Remove a directory with all that is in it, also while tar, whose parent was killed, still writes to it."""
    deadline = time.monotonic() + SECONDS_TO_END
    while os.path.lexists(path):
        try:
            shutil.rmtree(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT) or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)


@contextlib.contextmanager
def _lock(directory: Path, seconds: float = 0.0) -> Iterator[bool]:
    """Try for some seconds to lock a directory (flock(2)) for the block; false when another process holds the lock."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    deadline = time.monotonic() + seconds
    try:
        while not (is_held := _try_lock(handle)) and time.monotonic() < deadline:
            time.sleep(PAUSE)
        yield is_held
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
