"""What an exports(5) file says, as far as an NFS server other than the kernel's must know it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from enum import StrEnum

from builder.errors import InputError


class Squash(StrEnum):
    """Which users of a client become the anonymous user."""

    ROOT = "root_squash"
    NONE = "no_root_squash"
    ALL = "all_squash"


@dataclass(frozen=True)
class Export:
    """One directory for one client: `client` is an address, a network or a name as the file gives it."""

    path: str
    client: str
    read_write: bool = False
    squash: Squash = Squash.ROOT


_CLIENT = re.compile(r"^(?P<client>[^()]+)(?:\((?P<options>[^()]*)\))?$")
_NO_CONCERN = re.compile(
    r"a?sync|(no_)?(wdelay|subtree_check|auth_nlm|acl)|(in)?secure(_locks)?|(no)?hide|crossmnt|fsid=.+"
)
"""Options of the kernel's server that change neither who may mount nor what a client may do."""


def parse(text: str) -> tuple[Export, ...]:
    """Every pair of directory and client in an exports(5) file, in its order.

    An export is read-only and squashes root unless its options say otherwise (exports(5), "General Options").

    :raises InputError: a line that exports(5) does not allow, or an option that is not known here.
    """
    lines = text.replace("\\\n", " ").splitlines()
    return tuple(export for line in lines for export in _parse_line(line))


def _parse_line(line: str) -> list[Export]:
    words = shlex.split(line, comments=True)
    if not words:
        return []
    path, *clients = words
    if not path.startswith("/") or not clients:
        raise InputError(f"not a line of exports(5): {line.strip()}")
    return [_parse_client(path, client) for client in clients]


def _parse_client(path: str, word: str) -> Export:
    match = _CLIENT.match(word)
    if match is None:
        raise InputError(f"{path} is exported to {word}, which exports(5) does not allow")
    read_write, squash = False, Squash.ROOT
    for option in filter(None, (match["options"] or "").split(",")):
        if option in ("ro", "rw"):
            read_write = option == "rw"
        elif option in frozenset(Squash):
            squash = Squash(option)
        elif not _NO_CONCERN.fullmatch(option):
            raise InputError(f"{path} is exported with {option}, an option that the lab does not know")
    return Export(path, match["client"], read_write, squash)
