"""What happens in the lab, as typed events.  `seconds` count from the node's power-on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from builder.lab.phases import Phase
from builder.lab.qemu import Firmware, Nic
from builder.lab.report import CheckResult
from builder.lab.server import ServerKind
from builder.recipe.models import DhcpServer, NfsServer, TftpServer


@dataclass(frozen=True)
class CellBegan:
    """Nodes of a release (its name and version) are about to be tried; what follows is about them."""

    release: str
    firmware: Firmware
    nic: Nic
    dhcp: DhcpServer
    tftp: TftpServer
    nfs: NfsServer
    server: ServerKind


@dataclass(frozen=True)
class RackReady:
    """The servers run, and nodes can be powered on."""

    seconds: float


@dataclass(frozen=True)
class PoweredOn:
    """A node was powered on."""

    node: str


@dataclass(frozen=True)
class Struck:
    """A fault befalls a node; `done` says which."""

    node: str
    done: str


@dataclass(frozen=True)
class LoaderRead:
    """A node asked for a boot loader."""

    node: str
    loader: str


@dataclass(frozen=True)
class PhaseBegan:
    """A node got as far as a phase."""

    node: str
    phase: Phase
    seconds: float


@dataclass(frozen=True)
class Checked:
    """A check was made on a node."""

    node: str
    result: CheckResult


@dataclass(frozen=True)
class Rebooting:
    """A node that passed its checks is told to start anew; its phases begin again, counted from its new power-on."""

    node: str


@dataclass(frozen=True)
class Stopped:
    """A node did not get through a phase of its boot."""

    node: str
    phase: Phase
    reason: str


@dataclass(frozen=True)
class Done:
    """Nothing more happens to a node."""

    node: str
    passed: bool
    seconds: float


@dataclass(frozen=True)
class SceneBegan:
    """A scene of a story begins; `title` says in a sentence what it shows."""

    name: str
    title: str


@dataclass(frozen=True)
class Ran:
    """A command was typed on the server of a story: its exit status, how long it took, and what it wrote.

    `began` is in seconds of time.monotonic().
    """

    command: str
    status: int
    began: float
    seconds: float
    output: str


@dataclass(frozen=True)
class Claimed:
    """A claim of a scene was looked at."""

    scene: str
    result: CheckResult


LabEvent = (
    CellBegan
    | RackReady
    | PoweredOn
    | Struck
    | LoaderRead
    | PhaseBegan
    | Checked
    | Rebooting
    | Stopped
    | Done
    | SceneBegan
    | Ran
    | Claimed
)
Emit = Callable[[LabEvent], None]
