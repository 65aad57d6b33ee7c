"""The events of a run of the lab, which a display shows to the user.  The seconds of a node count from its power-on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from builder.lab.report.report import CheckResult
from builder.lab.vocabulary.hardware import Firmware, Nic
from builder.lab.vocabulary.phase import Phase
from builder.lab.vocabulary.server_kind import ServerKind
from builder.recipe.choices import DhcpServer, NfsServer, TftpServer


@dataclass(frozen=True)
class CaseBegan:
    """A test case of a release (its name and version) begins; the events that follow are about its nodes."""

    release: str
    firmware: Firmware
    nic: Nic
    dhcp: DhcpServer
    tftp: TftpServer
    nfs: NfsServer
    server: ServerKind


@dataclass(frozen=True)
class RackReady:
    """The rack's servers run, and nodes can be powered on; `seconds` is the time that this took."""

    seconds: float


@dataclass(frozen=True)
class PoweredOn:
    """A node was powered on."""

    node: str


@dataclass(frozen=True)
class Struck:
    """The lab makes a fault at a node; `done` describes the fault."""

    node: str
    done: str


@dataclass(frozen=True)
class LoaderRead:
    """A node asked for a boot loader."""

    node: str
    loader: str


@dataclass(frozen=True)
class PhaseBegan:
    """A node reached a phase of its boot."""

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
    """A node that passed its checks reboots; its phases begin again, and their seconds count from the new power-on."""

    node: str


@dataclass(frozen=True)
class Stopped:
    """A node did not get through a phase of its boot."""

    node: str
    phase: Phase
    reason: str


@dataclass(frozen=True)
class Done:
    """A node's part in the test case is over."""

    node: str
    passed: bool
    seconds: float


@dataclass(frozen=True)
class SceneBegan:
    """A scene of a story begins; `title` is a sentence about the scene."""

    name: str
    title: str


@dataclass(frozen=True)
class Ran:
    """A command was typed on the server of a story: its exit status, duration in seconds, and output.

    `began` is in seconds of time.monotonic().
    """

    command: str
    status: int
    began: float
    seconds: float
    output: str


@dataclass(frozen=True)
class Claimed:
    """A claim of a scene was checked."""

    scene: str
    result: CheckResult


LabEvent = (
    CaseBegan
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
