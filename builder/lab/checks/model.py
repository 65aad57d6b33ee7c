"""The model of a check: the check, the node that is checked, and the finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builder.lab.machine.agent import Answer
from builder.lab.released.release import Release
from builder.lab.released.release_overlay import OverlayFile
from builder.lab.vocabulary.hardware import Firmware
from builder.recipe.models import Node, Server


@dataclass(frozen=True)
class Subject:
    """A node that runs, and the values with which checks compare what they find on it.

    `server` names the programs that serve the node.  `ask` runs a script on the node, `run_on_server` runs a command on
    the server, and `run_on_network` runs a command with this machine's files on the cluster's network.  `menus` are the
    GRUB menus that DHCP named to the node's boot ROM, `loaded` the files that the node got whole over the recipe's
    transport, `overlay` the files that the release put into the node's tree.  `ssh_key` is the file of a key of the
    recipe: private, or public where an agent has the private half.
    """

    release: Release
    node: Node
    firmware: Firmware
    server: Server
    ask: Callable[[str], Answer]
    run_on_server: Callable[[Sequence[str]], Answer]
    menus: tuple[str, ...]
    loaded: tuple[str, ...]
    overlay: Mapping[PurePosixPath, OverlayFile]
    run_on_network: Callable[[Sequence[str]], Answer]
    ssh_key: Path | None = None

    def has_package(self, name: str) -> bool:
        """Whether the node's tree contains the Debian package `name`."""
        return any(package.name == name for package in self.release.manifest.packages)


@dataclass(frozen=True)
class Finding:
    """The result of a check: the text that was found on the node, and problems, of which a passed check has none."""

    saw: str
    problems: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """The problems, or the text that was found if there are none."""
        return "; ".join(self.problems) or self.saw


def applies_always(_subject: Subject) -> bool:
    """Return true: the check is made on every node."""
    return True


@dataclass(frozen=True)
class Check:
    """A check of a requirement, which `holds` states; `applies` tells whether the check is made on a node."""

    name: str
    holds: str
    examine: Callable[[Subject], Finding]
    applies: Callable[[Subject], bool] = applies_always


def compare_values(saw: str, should: str) -> Finding:
    """Give a finding with a problem if `saw` is not `should`."""
    return Finding(saw) if saw == should else Finding(saw, (f"{saw!r}, not {should!r}",))
