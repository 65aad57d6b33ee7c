"""Reads and writes the lab's verdict on a release, in lab.json beside the built files, which never change."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from builder.disk import locked, sync
from builder.errors import InputError, NfsrootError
from builder.release.names import FILE, Lab

REPORT = "lab.json"
"""The lab's report, in the release's directory; its schema is the lab's own."""


@contextlib.contextmanager
def changing(directory: Path) -> Iterator[None]:
    """Hold the lock under which reports and verdicts of the release in `directory` are read, merged and written.

    The lock is on the directory itself (flock(2)), so that labs with different caches keep out of each other's way; the
    kernel drops the lock when the process dies.

    :raises NfsrootError: the directory cannot be written.
    """
    try:
        with locked(directory):
            yield
    except BrokenPipeError:
        raise  # the reader of our output has gone: nothing is wrong with the directory
    except OSError as error:
        raise NfsrootError(
            f"the lab's report cannot be written into {directory}: {error.strerror}",
            resolution="Make the directory writable and give it room, then run the lab again.",
        ) from error


def digest(directory: Path) -> str:
    """The SHA-256 of the manifest of the release in `directory`, by which a report names the manifest it is about.

    :raises InputError: the manifest cannot be read.
    """
    return hashlib.sha256(_bytes(directory / FILE)).hexdigest()


def read(directory: Path) -> Lab:
    """The lab's verdict on the release in `directory`, from lab.json.

    An older nfsroot wrote the verdict into the manifest, and no digest into lab.json: then the verdict in the manifest
    counts.

    :raises InputError: a file cannot be read, or lab.json is about another manifest.
    """
    report = directory / REPORT
    try:
        told = _table(report) if report.exists() else {}
        if "manifest" not in told:
            return Lab(_table(directory / FILE).get("lab", Lab.NONE))
        verdict = Lab(told["verdict"])
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(f"the lab's verdict on {directory} cannot be read: {error}") from error
    if told["manifest"] != digest(directory):
        raise another_manifest(report)
    return verdict


def another_manifest(report: Path) -> InputError:
    """An error that says that the lab's report of a release is about another manifest."""
    return InputError(
        f"{report} is about another manifest than the one beside it",
        resolution="Remove the file to begin anew, with everything that is to be tried.",
    )


def _table(file: Path) -> dict[str, Any]:
    """The JSON object in a file.

    :raises ValueError: the file holds no JSON object.
    """
    try:
        found = json.loads(_bytes(file))
    except RecursionError:
        raise ValueError(f"{file} is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError(f"{file} holds no table")
    return found


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error


def replace(path: Path, content: bytes) -> None:
    """Write a file of a release so that nobody ever sees half of it; the release's owner becomes the file's owner.

    The owner of the release may put any file into its directory, so no link is followed.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    owner = path.parent.stat()
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
        file.write(content)
        os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    sync(path.parent)
