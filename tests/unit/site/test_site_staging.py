"""Stages that a killed nfsroot-site left, while its children have not ended yet."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from builder.site import staging
from builder.site.staging import Stage, Staging

WRITER = """
import itertools, pathlib, sys, time
tree, until = pathlib.Path(sys.argv[1]), time.monotonic() + float(sys.argv[2])
for number in itertools.count():
    if time.monotonic() > until:
        break
    try:
        (tree / "usr").mkdir(exist_ok=True)
        (tree / "usr" / str(number % 50)).mkdir(exist_ok=True)
        (tree / "usr" / str(number % 50) / f"file {number}").write_text("x")
    except (FileExistsError, FileNotFoundError):
        pass  # somebody removes the directories meanwhile
    if number == 100:
        print("begun", flush=True)
"""
"""Writes files into a tree for some seconds, as a tar does that has not been ended yet."""


def stages(directory: Path) -> Staging:
    """Stages of a release below a directory, in which a run that was killed has left all of them."""
    found = Staging(*(Stage.beside(directory / name / "1.0") for name in ("tree", "served", "record")), shared=None)
    with pytest.raises(KeyboardInterrupt), found.begun():
        raise KeyboardInterrupt
    found.record.path.mkdir(parents=True)
    found._note(found.stages, ready=False)
    for stage in found.stages:
        stage.path.mkdir(parents=True)
    return found


def test_a_tar_that_still_writes_is_waited_for(tmp_path: Path) -> None:
    """The next run removes what it writes, and begins with empty stages."""
    found = stages(tmp_path)
    argv = [sys.executable, "-c", WRITER, str(found.tree.path), "0.7"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == b"begun\n"
        staging._remove(found.record.path, found.stages)
        writer.wait()
    with found.begun():
        assert list(found.tree.path.iterdir()) == []


def test_a_directory_that_cannot_be_removed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever for what writes on."""

    def refuse(path: Path) -> None:
        raise OSError(errno.ENOTEMPTY, "Directory not empty", str(path))

    found = stages(tmp_path)
    monkeypatch.setattr(staging, "SECONDS_TO_END", 0.2)
    monkeypatch.setattr(staging.shutil, "rmtree", refuse)
    with pytest.raises(OSError, match="Directory not empty"):
        staging._remove(found.record.path, found.stages)
