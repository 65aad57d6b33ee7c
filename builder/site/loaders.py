"""The boot loaders that all nodes read first: those of the release that was switched to last."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from builder.disk import sha256, sync
from builder.errors import NfsrootError
from builder.release_names import MENUS
from builder.site import state as states
from builder.site.places import Places
from builder.site.records import BUNDLE
from builder.site.selection import Records
from builder.site.state import SiteState

SERVED = "srv/tftp"
"""The directory that TFTP and HTTP serve, in a bundle."""


def find_loaders(state: SiteState, records: Records) -> dict[str, Path]:
    """The files of boot loaders in the records, by their paths below the directory that TFTP serves.

    When two recipes bring a boot loader of one name, that of the recipe that was switched later is taken.
    """
    found: dict[str, Path] = {}
    for name, serving in sorted(state.recipes.items(), key=lambda item: (item[1].switched, item[0])):
        record = records.get(name, {}).get(serving.version)
        if record is not None:
            top = record.directory / BUNDLE / SERVED
            found |= {str(file.relative_to(top)): file for each in _beside_menus(top) for file in _files(each)}
    return found


def _beside_menus(served: Path) -> list[Path]:
    """The files and directories to serve, but for that of the menus, of which there are thousands."""
    return sorted(path for path in served.iterdir() if path.name != Path(MENUS).name)


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())


def install_loaders(places: Places, loaders: Mapping[str, Path]) -> list[str]:
    """Install boot loaders where TFTP serves them, each by one rename, and remove those that nobody needs any more.

    The result has a sentence for each change.

    :raises NfsrootError: a boot loader cannot be written.
    """
    before = _read_digests(places)
    now = {path: sha256(file) for path, file in loaders.items()}
    try:
        words = [
            f"Installed /{SERVED}/{path}." for path, file in loaders.items() if _install(places, path, file, now[path])
        ]
        gone = (path for path in before.keys() - now.keys() if _is(places.served / path, before[path]))
        for path in sorted(gone):
            (places.served / path).unlink()
            words.append(f"Removed /{SERVED}/{path}.")
    except OSError as error:
        raise NfsrootError(
            f"{error.filename} cannot be written: {error.strerror}", resolution="Make room there."
        ) from error
    if now != before:
        states.replace_file(_file(places), now)
    return words


def _install(places: Places, path: str, file: Path, digest: str) -> bool:
    """Install a boot loader; false when it is there already."""
    target = places.served / path
    if _is(target, digest):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.nfsroot-new")
    shutil.copyfile(file, unfinished)
    unfinished.chmod(0o644)
    sync(unfinished)
    unfinished.replace(target)
    sync(target.parent)
    return True


def _is(file: Path, digest: str) -> bool:
    return file.is_file() and sha256(file) == digest


def _file(places: Places) -> Path:
    return places.data / "loaders.json"


def _read_digests(places: Places) -> dict[str, str]:
    try:
        return {str(path): str(digest) for path, digest in json.loads(_file(places).read_bytes()).items()}
    except FileNotFoundError:
        return {}
