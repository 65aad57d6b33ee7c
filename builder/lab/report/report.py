"""The file lab.json: the lab's report on a release."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from builder.lab.vocabulary.hardware import Accelerator, Firmware, Nic
from builder.lab.vocabulary.phase import Phase
from builder.lab.vocabulary.server_kind import ServerKind
from builder.recipe.choices import DhcpServer, NfsServer, TftpServer
from builder.release.manifest import Lab
from builder.release.verdict import REPORT

SCHEMA_VERSION = 7
FILE = REPORT
CASE_FIELDS = ("asked", "firmware", "nic", "dhcp", "tftp", "nfs", "server", "faults")
"""The fields of a report's entry that identify its test case; the other fields are its results."""


class ReportModel(BaseModel):
    """A table of the report, whose values cannot be changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Traffic(ReportModel):
    """Bytes of Ethernet frames between a node and its server."""

    tftp: int = Field(default=0, description="Over TFTP, from the server to the node.")
    http: int = Field(default=0, description="Over HTTP, from the server to the node.")
    nfs: int = Field(default=0, description="Over NFS, both ways.")


class RoundTrips(ReportModel):
    """How often a node waited for the answer to a request; requests that were sent together count as one."""

    tftp: int = Field(default=0, description="Blocks and acknowledged options of TFTP.")
    http: int = Field(default=0, description="Requests of HTTP; TCP segments of an answer are not counted.")
    nfs: int = Field(default=0, description="Calls of NFS.")

    @property
    def total(self) -> int:
        """The sum over all protocols."""
        return self.tftp + self.http + self.nfs


class Work(ReportModel):
    """The work of a node: bytes transferred, round trips, and processor time."""

    traffic: Traffic = Field(default=Traffic(), description="Bytes that the node sent and received.")
    round_trips: RoundTrips = Field(default=RoundTrips(), description="How often the node waited for an answer.")
    processor_seconds: float = Field(default=0.0, description="Processor time, in seconds, that the node's QEMU used.")


class PhaseTime(ReportModel):
    """One phase of a node's boot; times are in seconds since power-on.

    The lab reads the counters of a node's work five times a second.  A phase that began and ended between two readings
    has no work of its own: its work is counted for the phase before it.
    """

    phase: Phase = Field(description="Name of the phase.")
    began: float = Field(description="Time when the phase began.")
    ended: float = Field(description="Time when the phase ended.")
    work: Work = Field(default=Work(), description="Work of the node in this phase.")

    @property
    def seconds(self) -> float:
        """The duration of the phase."""
        return self.ended - self.began


class Stop(ReportModel):
    """The end of a boot that failed."""

    phase: Phase = Field(description="The phase in which the boot failed.")
    reason: str = Field(description="Reason for the failure, in one sentence.")
    details: str = Field(description="The last events on the network, jobs of systemd, and lines of the servers' logs.")


class CheckResult(ReportModel):
    """The result of a check on a node."""

    name: str = Field(description="Name of the check.")
    holds: str = Field(description="The requirement that was checked, in one sentence.")
    passed: bool = Field(description="Whether the node meets the requirement.")
    reason: str = Field(description="What the check found, or what is wrong with it.")


class DaemonTime(ReportModel):
    """The processor time of a daemon on the server while nodes booted and were checked."""

    name: str = Field(description="Name of the daemon's service in Debian.")
    roles: tuple[str, ...] = Field(description="Roles in which the daemon serves: dhcp, tftp, http, nfs or rpc.")
    processor_seconds: float = Field(description="Processor time of all its processes, in seconds.")


class NodeReport(ReportModel):
    """The boot of a node, and the checks that were made on it."""

    name: str = Field(description="Host name of the node.")
    address: str = Field(description="IPv4 address of the node.")
    mac: str = Field(description="MAC address of the node.")
    loader: str | None = Field(description="Path, on the server, of the node's boot loader; null if it loaded none.")
    passed: bool = Field(description="Whether the node booted and passed every check.")
    phases: tuple[PhaseTime, ...] = Field(description="The phases that the node completed, in their order.")
    stopped: Stop | None = Field(description="The end of the boot if it failed, else null.")
    checks: tuple[CheckResult, ...] = Field(description="The results of the checks.")
    traffic: Traffic = Field(description="Bytes that the node sent and received until its checks were done.")

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.passed)


class CellReport(ReportModel):
    """The result of a test case: nodes with the same hardware that were booted at once from the same servers."""

    asked: tuple[str, ...] = Field(description="Names of the nodes of the test case.")
    firmware: Firmware = Field(description="Firmware of the nodes.")
    nic: Nic = Field(description="Network card of the nodes.")
    dhcp: DhcpServer = Field(description="DHCP server.")
    tftp: TftpServer = Field(description="TFTP server.")
    nfs: NfsServer = Field(description="NFS server.")
    server: ServerKind = Field(
        description="Kind of the server: programs of this machine in namespaces, or a virtual machine."
    )
    faults: tuple[str, ...] = Field(
        default=(), description="Names of the faults that the lab made; each of them is a check of a node, too."
    )
    accelerator: Accelerator | None = Field(description="Part of QEMU that ran the nodes; null if none was started.")
    started: datetime = Field(description="Time when the test case began, in UTC.")
    seconds: float = Field(description="Duration of the test case, in seconds.")
    passed: bool = Field(description="Whether every node booted and passed every check.")
    processors: int = Field(description="Processors that nodes, servers and the lab shared.")
    daemons: tuple[DaemonTime, ...] = Field(
        description="Processor time of each daemon; empty if the server is a virtual machine."
    )
    lab_processor_seconds: float = Field(description="Processor time of the lab itself in the same time, in seconds.")
    problem: str | None = Field(description="Reason why the servers did not start; null if they did.")
    nodes: tuple[NodeReport, ...] = Field(description="The nodes that the lab tried to boot.")

    @property
    def case(self) -> dict[str, Any]:
        """The fields that identify the test case, with their values."""
        return self.model_dump(include=set(CASE_FIELDS))


class LabReport(ReportModel):
    """The content of lab.json."""

    schema_version: int = Field(default=SCHEMA_VERSION, description="Version of this schema.")
    name: str = Field(description="Name of the release.")
    version: str = Field(description="Version of the release.")
    content: str = Field(description="Content key of the release, as in its manifest.")
    manifest: str = Field(
        default="",
        pattern=r"^([0-9a-f]{64})?$",
        description="SHA-256 of the manifest.json of the release; empty in a report of schema 6.",
    )
    tool_version: str = Field(description="Version of nfsroot that ran the lab.")
    started: datetime = Field(description="Time when the last run of the lab began, in UTC.")
    seconds: float = Field(description="Duration of the last run, in seconds.")
    verdict: Lab = Field(description="Verdict on the release: passed if every test case passed.")
    cells: tuple[CellReport, ...] = Field(
        description="The last result of every test case that was ever tried; the last run's results come last."
    )

    def text(self) -> str:
        """The text of lab.json."""
        return self.model_dump_json(indent=1) + "\n"


def json_schema() -> dict[str, Any]:
    """Make the JSON Schema (2020-12) of lab.json."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **LabReport.model_json_schema()}
