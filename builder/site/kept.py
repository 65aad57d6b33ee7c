"""Directories of files that nodes keep from release to release, and the accounts that own these files.

The file `accounts` of such a directory has a line for each account that owned anything there: user or group, name,
number.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from builder.disk import replace_file
from builder.settings.release import ReleaseSettings
from builder.site.places import Places
from builder.store.errors import RefusedError

FILE = "accounts"
KINDS = {"user": "passwd", "group": "group"}

Accounts = Mapping[tuple[str, str], str]
"""The number of each account, by `user` or `group` and its name."""


def read_tree_accounts(tree: Path) -> dict[tuple[str, str], str]:
    """The accounts in etc/passwd and etc/group of a tree; none for an image, which has no tree on the server."""
    found = {}
    for kind, name in KINDS.items():
        file = tree / "etc" / name
        lines = (
            file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
            if file.is_file() and not file.is_symlink()
            else []
        )
        for fields in (line.split(":") for line in lines):
            if len(fields) > 2 and fields[2].isdecimal():
                found[kind, fields[0]] = fields[2]
    return found


def refuse_other_accounts(places: Places, settings: ReleaseSettings, accounts: Accounts) -> None:
    """Refuse a release in which an account has another number than in the files that nodes keep on this server.

    :raises RefusedError: at least one account has another number.
    """
    if not settings.root.state:
        return
    directory = places.on_server(settings.root.state)
    before = _read(directory / FILE)
    strangers = [
        f"  {kind} {name} had the number {before[kind, name]}, and has {number} in this release"
        for (kind, name), number in accounts.items()
        if before.get((kind, name), number) != number
    ]
    if strangers:
        raise RefusedError(
            f"what these accounts own below {directory} would be a stranger's",
            details="\n".join(strangers),
            resolution="Write the old numbers into accounts of [debian] in the recipe, or change the owners there and "
            f"the numbers in {directory / FILE}.",
        )


def make_directories(places: Places, settings: ReleaseSettings, accounts: Accounts) -> None:
    """Make the directories of nodes that have none yet, and note the number of each account."""
    root = settings.root
    if not root.state:
        return
    directory = places.on_server(root.state)
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o711)
    names = [*(["all"] if root.state_of_all else []), *(["nodes"] if root.state_of_nodes else [])]
    names += [f"nodes/{node.name}" for node in settings.nodes] if root.state_of_nodes else []
    for name in names:
        (directory / name).mkdir(exist_ok=True)
    if accounts:
        _write(directory / FILE, {**accounts, **_read(directory / FILE)})


def _read(file: Path) -> dict[tuple[str, str], str]:
    lines = file.read_text(encoding="utf-8", errors="surrogateescape").splitlines() if file.exists() else []
    return {(words[0], words[1]): words[2] for words in map(str.split, lines) if len(words) == 3}


def _write(file: Path, accounts: Accounts) -> None:
    lines = sorted(f"{kind} {name} {number}\n" for (kind, name), number in accounts.items())
    replace_file(file, "".join(lines).encode(errors="surrogateescape"))
