"""The model of a check: the check itself, its subject, which is a running node, and its finding."""

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
    """A running node, and everything that checks compare it with.

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
        """Whether the node's tree holds Debian package `name`."""
        return any(package.name == name for package in self.release.manifest.packages)


@dataclass(frozen=True)
class Finding:
    """The result of a check: the text that it saw, and the problems; without problems the check is passed."""

    saw: str
    problems: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """The reason for the check's result, in words."""
        return "; ".join(self.problems) or self.saw


def applies_always(_subject: Subject) -> bool:
    """The condition of a check that every node has to pass."""
    return True


@dataclass(frozen=True)
class Check:
    """A check that something holds on a node.  `applies` tells whether it can hold on a node at all."""

    name: str
    holds: str
    examine: Callable[[Subject], Finding]
    applies: Callable[[Subject], bool] = applies_always


def compare_values(saw: str, should: str) -> Finding:
    """The finding whether `saw` is `should`."""
    return Finding(saw) if saw == should else Finding(saw, (f"{saw!r}, not {should!r}",))
