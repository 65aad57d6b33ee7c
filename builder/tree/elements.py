"""Copies of elements for jobs, with the digests that stand in the keys of steps.

A build may take a minute, in which a person edits a hook.  A job that read the person's own directory would run the
edited hook, and the cache would keep its result under the key of the old one.  So jobs read a copy that nobody edits.
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
from builder.recipe.element_models import Element
from builder.recipe.models import Recipe

NOT_IN_JOBS = ("README*", "element.toml")
"""The names at an element's top that jobs do not get: text for people, and settings that nfsroot has read already."""


MAKER = "initramfs-nfs"
"""The element with the scripts that make initramfs, NIC driver archives and root image from a tree."""


def find_maker(recipe: Recipe) -> Element:
    """The element `MAKER` of a recipe; a build refuses recipes without it."""
    return next(element for element in recipe.elements if element.name == MAKER)


def digest(element: Element) -> str:
    """The SHA-256 over the files of an element that jobs get."""
    return digest_of_files(element.path, without=NOT_IN_JOBS)


@contextlib.contextmanager
def snapshot(recipe: Recipe, digests: Mapping[str, str], source_date: int, cache: Cache) -> Iterator[Recipe]:
    """A context with the recipe whose elements are copies in the cache; `digests` are those in the plan.

    `source_date`, in seconds since 1970 (UTC), is the time of all files in the copies.

    :raises InputError: an element was changed after the plan was made.
    """
    with cache.work("elements") as directory:
        copies = []
        for element in recipe.elements:
            copy = element.model_copy(update={"path": directory / element.name})
            with contextlib.suppress(FileNotFoundError):  # a file vanished: the digest will differ
                _copy(element.path, copy.path, source_date)
            if digest(copy) != digests[element.name]:
                raise InputError(
                    f"element {element.name} was changed just when the build began",
                    resolution="Run this build again.",
                )
            copies.append(copy)
        yield recipe.model_copy(update={"elements": tuple(copies)})


def _copy(source: Path, target: Path, source_date: int) -> None:
    """Copy the files of the element in `source` that jobs get.

    Of a file's mode the copy keeps what git keeps, the executable bit: other bits depend on the umask of the person who
    cloned the element.
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
