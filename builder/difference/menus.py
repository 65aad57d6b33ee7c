"""Reads the menus of nodes in a server bundle."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

from builder.difference.subject import Subject
from builder.recipe.models import Node, Recipe
from builder.release.unpacking import Text
from builder.release_names import MENUS

LINUX = re.compile(r"^\s*linux\s+(\S+)\s*(.*)$", re.MULTILINE)
MAC_ADDRESS, NODE_ID = "BOOTIF=", "node_id="
"""The beginnings of the kernel's arguments that have another value for each node."""


def find_node_menus(*recipes: Recipe | None) -> frozenset[str]:
    """The paths in a bundle of the menus of the recipes' nodes, which are compared node by node."""
    nodes = (node for recipe in recipes if recipe for node in recipe.cluster.nodes)
    return frozenset(f"{MENUS}/{file}" for node in nodes for file in (node.name, f"{node.name}.cfg", f"{node.mac}.cfg"))


class Menu(NamedTuple):
    """A node's menu without the release's names: the kernel's arguments, the node's number, and all other lines.

    Among the arguments, a common word stands for each node's number, so that nodes with the same change are one group.
    The MAC address is left out: it is compared by itself.
    """

    arguments: tuple[str, ...]
    node_id: str
    rest: str

    @classmethod
    def read(cls, side: Subject, node: Node) -> Menu:
        """The menu of a node in the server bundle; an empty one where the bundle has none."""
        texts = (side.bundle.get(f"{MENUS}/{name}", Text(b"", 0)) for name in (f"{node.name}.cfg", node.name))
        grub2, legacy = (side.names.unify(text.content.decode(errors="backslashreplace")) for text in texts)
        line = LINUX.search(grub2)
        words = [word for word in _words(line[2] if line else "") if not word.startswith(MAC_ADDRESS)]
        numbers = [word.removeprefix(NODE_ID) for word in words if word.startswith(NODE_ID)]
        legacy_rest = "".join(each for each in legacy.splitlines(keepends=True) if not each.startswith("kernel "))
        return cls(
            tuple(f"{NODE_ID}<number>" if word.startswith(NODE_ID) else word for word in words),
            " ".join(numbers),
            LINUX.sub(r"linux \1", grub2) + legacy_rest,
        )


def _words(arguments: str) -> list[str]:
    try:
        return shlex.split(arguments)
    except ValueError:  # a quote without its end, in a menu that nfsroot did not write
        return arguments.split()
