"""Moves files to a store and back: `move_blobs.py send FILES STORE` and `move_blobs.py fetch FILES STORE TARGET`.

FILES is a directory of files that are named by their SHA-256; TARGET is a directory.  The benchmark of stores times
this command, which moves blobs as `nfsroot publish` and `nfsroot fetch` do.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from builder.store import layout
from builder.store.storage.interface import Blob, FileSlice, Storage
from builder.store.storage.open import open_store
from builder.store.transfer import Received, Sent, Transfers


def send(files: Path, storage: Storage) -> None:
    """Put those files into the store that it does not hold."""
    blobs = _blobs(files)
    held = storage.sizes(layout.blob(blob.sha256) for blob in blobs)
    missing = [blob for blob in blobs if layout.blob(blob.sha256) not in held]
    _transfers().send(storage, [Sent(blob, FileSlice(files / blob.sha256, 0, blob.size)) for blob in missing])


def fetch(files: Path, storage: Storage, target: Path) -> None:
    """Write all files from the store into the directory `target`."""
    target.mkdir()
    with contextlib.ExitStack() as stack:
        opened = {blob: stack.enter_context((target / blob.sha256).open("wb")) for blob in _blobs(files)}
        _transfers().receive(storage, [Received(blob, file.fileno(), 0) for blob, file in opened.items()])


def _blobs(files: Path) -> list[Blob]:
    return [Blob(file.name, file.stat().st_size) for file in files.iterdir()]


def _transfers() -> Transfers:
    return Transfers(lambda _event: None)


if __name__ == "__main__":
    verb, files, store, *target = sys.argv[1:]
    opened = open_store(store, print)
    send(Path(files), opened) if verb == "send" else fetch(Path(files), opened, Path(*target))
