"""Generations of menus: nodes get all their new menus in one moment, by the rename of one link.

/srv/tftp/grub is a link to one of the directories NUMBER-LABEL in /srv/tftp/.grub, as install.sh of a server bundle
has it (docs/adr/0023).  Nodes read the old menus or the new ones, wherever this program is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from builder.disk import sync, sync_file_system
from builder.errors import NfsrootError
from builder.site import state as states
from builder.site.files import read_file, write_new_file
from builder.site.places import Places

KEPT = 5
"""The number of generations that stay, the current one among them."""
NAME = re.compile(r"([0-9]+)-.+")
STAGE = ".nfsroot."
"""The prefix of directories with menus that are not in their place yet."""
MADE_BY_US = b"ade by nfsroot"


class Link(NamedTuple):
    """A symbolic link among the menus, which somebody else made."""

    target: str


Files = Mapping[str, bytes | Link]
"""The files of a generation by their paths in it."""


@dataclass(frozen=True)
class Generation:
    """A new generation: the name of its directory in /srv/tftp/.grub, and that of the one before (empty: none)."""

    name: str
    before: str


def install_generation(places: Places, texts: Mapping[str, str], label: str) -> Generation | None:
    """Install a generation with the menus `texts`, and with the files of the current one that nfsroot did not make.

    The result is None when nodes have these menus already.  Empty `texts` mean that the site's last recipe was removed:
    the link and all generations go away.  On a server on which nobody switched yet, menus are not the site's, and stay.

    :raises NfsrootError: the menus cannot be written; nodes keep those of before.
    """
    if not texts and not states.read(places.state).recipes:
        return None
    try:
        _sweep(places)
        now = _read_files(_find_menus(places))
        files = {**_foreign(now), **{name: text.encode() for name, text in texts.items()}}
        if not files:
            _remove_all(places)
        elif files != now or not places.menus.is_symlink():
            return _install(places, files, label)
    except OSError as error:
        raise NfsrootError(
            f"the menus cannot be written below {places.generations}: {error.strerror}",
            resolution="Put it right and call the command again; nodes have the menus of before.",
        ) from error
    return None


def generations(places: Places) -> list[str]:
    """The names of all generations, the oldest first."""
    found = []
    for path in places.generations.glob("[0-9]*-*"):
        matched = NAME.fullmatch(path.name)
        if matched and path.is_dir() and not path.is_symlink():
            found.append((int(matched[1]), path.name))
    return [name for _, name in sorted(found)]


def _newest(places: Places) -> tuple[int, str]:
    name = next(reversed(generations(places)), "")
    return int(name.partition("-")[0] or "0"), name


def _find_menus(places: Places) -> Path:
    """The directory of nodes' current menus; after a killed run that took a directory over, the newest generation."""
    return places.menus if places.menus.is_dir() else places.generations / _newest(places)[1]


def _install(places: Places, files: Files, label: str) -> Generation:
    places.generations.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=STAGE, dir=places.generations))
    earlier = places.menus.readlink().name if places.menus.is_symlink() else ""
    name = _write(places, files, label, stage)
    link = stage / "grub"
    link.symlink_to(f"{places.generations.name}/{name}")
    if places.menus.is_dir() and not places.menus.is_symlink():
        earlier = _take_over(places, name, link)
    else:
        link.rename(places.menus)
    sync(places.served)
    _remove_old(places, {name, earlier}, stage)
    shutil.rmtree(stage)
    return Generation(name, earlier)


def _write(places: Places, files: Files, label: str, stage: Path) -> str:
    """Write a generation beside the others, rename it, and return its name.

    When a killed run has left a generation with the same files, that one is used.
    """
    number, newest = _newest(places)
    is_killed_run = newest != "" and not _is_current(places, newest)
    if is_killed_run and _read_files(places.generations / newest) == files:
        return newest
    directory = stage / "new"
    for parent in {name.rpartition("/")[0] for name in files}:
        (directory / parent).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        _write_file(f"{directory}/{name}", content)
    sync_file_system(directory)  # menus, and the files that they name, are on the disk before nodes read them
    name = f"{number + 1}-{label}"
    directory.rename(places.generations / name)
    sync(places.generations)
    return name


def _is_current(places: Places, generation: str) -> bool:
    return places.menus.is_symlink() and places.menus.readlink().name == generation


def _write_file(path: str, content: bytes | Link) -> None:
    if isinstance(content, Link):
        Path(path).symlink_to(content.target)
    else:
        write_new_file(path, content)


def _read_files(directory: Path, below: str = "") -> Files:
    found: dict[str, bytes | Link] = {}
    with contextlib.suppress(FileNotFoundError), os.scandir(directory / below) as entries:
        for entry in entries:
            path = f"{below}{entry.name}"
            if entry.is_symlink():
                found[path] = Link(str(Path(entry.path).readlink()))
            elif entry.is_dir():
                found.update(_read_files(directory, f"{path}/"))
            else:
                found[path] = read_file(entry.path)
    return found


def _foreign(files: Files) -> Files:
    """The files of a generation that nfsroot did not make."""
    return {name: content for name, content in files.items() if isinstance(content, Link) or MADE_BY_US not in content}


def _take_over(places: Places, generation: str, link: Path) -> str:
    """Put the link in the place of a directory of menus, make the directory a generation, and return its name.

    Where the file system cannot exchange two names, there are no menus for a moment.
    """
    earlier = places.generations / f"{_newest(places)[0] + 1}-before"
    earlier.unlink(missing_ok=True)
    earlier.symlink_to(f"{places.generations.name}/{generation}")
    if not _exchange(earlier, places.menus):
        earlier.unlink()
        places.menus.rename(earlier)
        link.rename(places.menus)
    return earlier.name


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one moment (renameat2(2), RENAME_EXCHANGE), if the file system can do that."""
    at_fdcwd, rename_exchange = -100, 2
    libc = ctypes.CDLL(None, use_errno=True)
    done: int = libc.renameat2(at_fdcwd, os.fsencode(one), at_fdcwd, os.fsencode(other), rename_exchange)
    return done == 0


def _remove_old(places: Places, kept: set[str], stage: Path) -> None:
    """Move all but the last few generations into the directory `stage`, which is then removed."""
    for name in generations(places)[:-KEPT]:
        if name not in kept:
            (places.generations / name).rename(stage / name)


def _remove_all(places: Places) -> None:
    if places.menus.is_symlink():
        places.menus.unlink()
    if places.generations.is_dir():
        shutil.rmtree(places.generations)


def _sweep(places: Places) -> None:
    """Remove the stages that killed runs left."""
    for path in places.generations.glob(f"{STAGE}*"):
        shutil.rmtree(path)
