"""The names that machines of a cluster may have, and the reasons why others are refused.

RFC 1123 (section 2.1) allows a name that consists of digits; this module does not.  The C library reads such a name as
an address before it looks for a host (inet_aton(3)), so nobody would reach the node.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from builder.recipe.patterns import LABEL

SHARED_MENUS = frozenset({"default", "grub"})
"""The names of menus below /srv/tftp/grub that all nodes share: `default`, `default.cfg` and `grub.cfg`."""

_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]+")


class Fault(NamedTuple):
    """A fault of a word: what is wrong, and how to fix it."""

    what: str
    fix: str


def name_fault(text: str) -> Fault | None:
    """The fault of `text` as the name of a node or server, if it has one."""
    if not LABEL.matches(text):
        return Fault("no host name of RFC 1123", "write letters, digits and inner hyphens")
    if _NUMBER.fullmatch(text):
        return Fault("would be read as a number, for an address (inet_aton(3))", f"write a letter before it: n{text}")
    if text.lower() in SHARED_MENUS:
        return Fault("the name of a menu that all nodes share", "give another name")
    if text.lower() == "localhost":
        return Fault("the name by which every machine knows itself", "give another name")
    return None
