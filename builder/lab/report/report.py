"""The lab's report on a release: lab.json."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from builder.lab.vocabulary.hardware import Accelerator, Firmware, Nic
from builder.lab.vocabulary.phase import Phase
from builder.lab.vocabulary.server_kind import ServerKind
from builder.recipe.models import DhcpServer, NfsServer, TftpServer
from builder.release.manifest import Lab
from builder.release.verdict import REPORT

SCHEMA_VERSION = 7
FILE = REPORT
CASE_FIELDS = ("asked", "firmware", "nic", "dhcp", "tftp", "nfs", "server", "faults")
"""The fields of a cell that identify its test case."""


class ReportModel(BaseModel):
    """A frozen table of the report."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Traffic(ReportModel):
    """Bytes of Ethernet frames between a node and its server."""

    tftp: int = Field(default=0, description="Over TFTP, from the server to the node.")
    http: int = Field(default=0, description="Over HTTP, from the server to the node.")
    nfs: int = Field(default=0, description="Over NFS, both ways.")


class RoundTrips(ReportModel):
    """How often a node waited for an answer before it went on to ask: what asks at once counts once."""

    tftp: int = Field(default=0, description="Blocks and agreements of TFTP.")
    http: int = Field(default=0, description="Requests of HTTP; what TCP waits for within an answer is not counted.")
    nfs: int = Field(default=0, description="Calls of NFS.")

    @property
    def total(self) -> int:
        """The round trips over all protocols."""
        return self.tftp + self.http + self.nfs


class Work(ReportModel):
    """What a node moved, asked and computed."""

    traffic: Traffic = Field(default=Traffic(), description="Bytes that it moved.")
    round_trips: RoundTrips = Field(default=RoundTrips(), description="How often it waited for an answer.")
    processor_seconds: float = Field(default=0.0, description="What its QEMU used of this machine's processors.")


class PhaseTime(ReportModel):
    """One phase of a boot, in seconds since power-on.

    The work is what the lab saw from one look to another, a fifth of a second apart: a phase that began and ended
    between two looks has none, and what was done in it counts for the one before.
    """

    phase: Phase = Field(description="The phase.")
    began: float = Field(description="When it began.")
    ended: float = Field(description="When it ended.")
    work: Work = Field(default=Work(), description="What the node did in it.")

    @property
    def seconds(self) -> float:
        """The duration of the phase."""
        return self.ended - self.began


class Stop(ReportModel):
    """Where a node's boot came to an end before it ran."""

    phase: Phase = Field(description="The phase that it did not get through.")
    reason: str = Field(description="What happened, in one sentence.")
    details: str = Field(description="What was seen last: network, jobs of systemd, logs of the servers.")


class CheckResult(ReportModel):
    """One thing that must hold on a node, and whether it does."""

    name: str = Field(description="Name of the check.")
    holds: str = Field(description="What must hold.")
    passed: bool = Field(description="Whether it holds.")
    reason: str = Field(description="What was seen, or why that is wrong.")


class DaemonTime(ReportModel):
    """What a daemon used of this machine's processors while the nodes booted and were checked."""

    name: str = Field(description="The service that it is in Debian.")
    roles: tuple[str, ...] = Field(description="In which it serves.")
    processor_seconds: float = Field(description="Seconds of processors, of all its processes.")


class NodeReport(ReportModel):
    """One node's boot and checks."""

    name: str = Field(description="Host name of the node.")
    address: str = Field(description="IPv4 address of the node.")
    mac: str = Field(description="MAC address of the node.")
    loader: str | None = Field(description="The boot loader that it loaded, by its path on the server.")
    passed: bool = Field(description="Whether it booted and passed every check.")
    phases: tuple[PhaseTime, ...] = Field(description="Every phase that it got through.")
    stopped: Stop | None = Field(description="Where its boot ended before it ran, if it did.")
    checks: tuple[CheckResult, ...] = Field(description="Every check that was made.")
    traffic: Traffic = Field(description="What it moved until it ran and was checked.")

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that the node did not pass."""
        return tuple(check for check in self.checks if not check.passed)


class CellReport(ReportModel):
    """Nodes that were booted at once, of the same hardware and from one choice of servers."""

    asked: tuple[str, ...] = Field(description="Names of the nodes that were to be booted.")
    firmware: Firmware = Field(description="What the nodes were started with.")
    nic: Nic = Field(description="The nodes' network card.")
    dhcp: DhcpServer = Field(description="What served DHCP.")
    tftp: TftpServer = Field(description="What served TFTP.")
    nfs: NfsServer = Field(description="What served NFS.")
    server: ServerKind = Field(description="What the server was.")
    faults: tuple[str, ...] = Field(
        default=(), description="Names of the faults that befell the nodes; each is one of their checks."
    )
    accelerator: Accelerator | None = Field(description="How QEMU ran the nodes.")
    started: datetime = Field(description="When it was tried, in UTC.")
    seconds: float = Field(description="How long it took.")
    passed: bool = Field(description="Whether every node booted and passed every check.")
    processors: int = Field(description="How many processors the nodes, the servers and the lab itself shared.")
    daemons: tuple[DaemonTime, ...] = Field(
        description="What the servers used of them; nothing where they run in a virtual machine."
    )
    lab_processor_seconds: float = Field(description="What the lab itself used of them at the same time.")
    problem: str | None = Field(description="Why there was no rack at all, if there was none.")
    nodes: tuple[NodeReport, ...] = Field(description="Every node for which there was a rack.")

    @property
    def case(self) -> dict[str, Any]:
        """The fields that identify the test case, without its results."""
        return self.model_dump(include=set(CASE_FIELDS))


class LabReport(ReportModel):
    """lab.json of a release."""

    schema_version: int = Field(default=SCHEMA_VERSION, description="Version of this schema.")
    name: str = Field(description="Name of the release.")
    version: str = Field(description="Version of the release.")
    content: str = Field(description="The release's content, as in its manifest.")
    manifest: str = Field(
        default="",
        pattern=r"^([0-9a-f]{64})?$",
        description="SHA-256 of the manifest.json that this is about; empty in a report of schema 6.",
    )
    tool_version: str = Field(description="Version of nfsroot that ran the lab.")
    started: datetime = Field(description="When the last run of the lab began, in UTC.")
    seconds: float = Field(description="How long that took.")
    verdict: Lab = Field(description="passed: every cell was.")
    cells: tuple[CellReport, ...] = Field(
        description="The last word on every combination that was ever tried, the last run's at the end."
    )

    def text(self) -> str:
        """The report as it stands in lab.json."""
        return self.model_dump_json(indent=1) + "\n"


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of lab.json."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **LabReport.model_json_schema()}
