"""The one thing about a release that changes after it was made: what the lab found."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from builder.errors import InputError, NfsrootError
from builder.release.manifest import FILE, SUMS, Lab


@contextlib.contextmanager
def changing(directory: Path) -> Iterator[None]:
    """Hold the lock under which reports and verdicts of the release in `directory` are read, merged and written.

    It is the directory's own (flock(2)), so that labs with different caches keep out of each other's way; the kernel
    drops it when the process dies.

    :raises NfsrootError: the directory cannot be written.
    """
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
    except BrokenPipeError:
        raise  # who read what we print has gone: nothing is wrong with the directory
    except OSError as error:
        raise NfsrootError(
            f"the lab's report cannot be written into {directory}: {error.strerror}",
            resolution="Make the directory writable and give it room, then run the lab again.",
        ) from error


def record(directory: Path, lab: Lab) -> None:
    """Write the lab's verdict into the manifest of the release in `directory`, and its line of SHA256SUMS.

    The caller holds the lock (see `changing`).  Fields of the manifest that this nfsroot does not know stay.

    :raises InputError: there is no manifest.
    """
    manifest: dict[str, Any] = json.loads((directory / FILE).read_bytes())
    text = f"{json.dumps({**manifest, 'lab': lab}, indent=1, ensure_ascii=False)}\n".encode()
    sums = _sums(directory / SUMS).splitlines(keepends=True)
    line = f"{hashlib.sha256(text).hexdigest()}  {FILE}\n"
    changed = [line if old.endswith(f"  {FILE}\n") else old for old in sums]
    replace(directory / FILE, text)
    replace(directory / SUMS, "".join(changed).encode())


def _sums(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file} cannot be read, so that the lab's verdict has no place in the release",
            resolution="The release is damaged: build it anew.",
        ) from error


def replace(path: Path, content: bytes) -> None:
    """Write a file of a release so that nobody ever sees half of it; it belongs to who owns the release.

    The owner of the release may put anything into its directory: no link is followed.
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
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
