"""What jobs see of elements: a copy that nobody edits, of which the keys of steps have the digest.

A build may take a minute, in which a person goes on to write a hook.  Jobs that saw the person's own directory would
run what is in no key, and the cache would keep what came out under the key of what had been there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from builder.cache import Cache
from builder.errors import InputError
from builder.keys import digest_of_files, entries, is_executable
from builder.recipe.models import Element, Recipe

NOT_IN_JOBS = ("README*", "element.toml")
"""Names at an element's top of what no job gets to see: text for people, and what the recipe has taken over already."""


def digest(element: Element) -> str:
    """SHA-256 over what jobs see of an element."""
    return digest_of_files(element.path, without=NOT_IN_JOBS)


@contextlib.contextmanager
def snapshot(recipe: Recipe, digests: Mapping[str, str], source_date: int, cache: Cache) -> Iterator[Recipe]:
    """The recipe with copies of its elements in the cache, which are those of which the plan knows the `digests`.

    `source_date`, in seconds since 1970 (UTC), is the time of all that is in them.

    :raises InputError: an element was changed since it was planned with.
    """
    with cache.work("elements") as directory:
        copies = []
        for element in recipe.elements:
            copy = element.model_copy(update={"path": directory / element.name})
            with contextlib.suppress(FileNotFoundError):  # then it is not what it was
                _copy(element.path, copy.path, source_date)
            if digest(copy) != digests[element.name]:
                raise InputError(
                    f"element {element.name} was changed just when the build began",
                    resolution="Run this build again.",
                )
            copies.append(copy)
        yield recipe.model_copy(update={"elements": tuple(copies)})


def _copy(source: Path, target: Path, source_date: int) -> None:
    """Copy what jobs see of the element in `source`.

    Of modes the copy has what git keeps, whether a file may be executed: others come from the umask of who cloned it.
    """
    made = [target]
    target.mkdir()
    for path in entries(source, NOT_IN_JOBS):
        made.append(target / path.relative_to(source))
        if path.is_symlink():
            made[-1].symlink_to(path.readlink())
        elif path.is_dir():
            made[-1].mkdir()
        elif path.is_file():
            shutil.copyfile(path, made[-1])
            made[-1].chmod(0o755 if is_executable(path.stat()) else 0o644)
        else:
            made.pop()  # a socket, say, has no content
    for path in made:
        os.utime(path, (source_date, source_date), follow_symlinks=False)
