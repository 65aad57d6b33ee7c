"""Makes the SBOMs of a release in a process of its own, beside a publisher that moves bytes, or a lab that boots nodes.

A thread would take the publisher's time, because only one of Python's threads at a time runs Python.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from builder.cache import Cache
from builder.errors import InputError
from builder.sbom.make import cache_sboms, find_sboms, make_sboms, read_sboms


@contextlib.contextmanager
def sboms_beside(release: Path, cache: Cache) -> Iterator[Callable[[], dict[str, bytes]]]:
    """Begin to make the SBOMs of the release in a directory; the block gets a function that waits for them.

    No process is started for SBOMs that are in the cache.  When the process fails, the function makes the SBOMs
    itself, so that an error says why.

    :raises InputError: (the function) the release cannot be read, or a file of it is damaged.
    """
    if (known := _find(release, cache)) is not None:
        yield lambda: known
        return
    # Modules beside the user's recipes are not ours (-P).
    command = [sys.executable, "-P", "-m", __name__, str(release), str(cache.root)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as made:

        def wait() -> dict[str, bytes]:
            directory = made.communicate()[0].decode(errors="surrogateescape")
            return read_sboms(Path(directory)) if made.returncode == 0 else make_sboms(release, cache)

        yield wait


def _find(release: Path, cache: Cache) -> dict[str, bytes] | None:
    try:
        return find_sboms(release, cache)
    except InputError:
        return None  # the function says what is wrong, after the rest of the block


def main() -> None:
    """Make the SBOMs of a release, and print the directory of the cache that has them."""
    release, cache = map(Path, sys.argv[1:])
    sys.stdout.buffer.write(bytes(cache_sboms(release, Cache(cache))))


if __name__ == "__main__":
    main()
