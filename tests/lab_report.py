"""Reports made in memory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from builder.lab.report.report import (
    CellReport,
    CheckResult,
    DaemonTime,
    LabReport,
    NodeReport,
    PhaseTime,
    Stop,
    Traffic,
)
from builder.lab.vocabulary.hardware import Accelerator, Firmware, Nic
from builder.lab.vocabulary.phase import Phase
from builder.lab.vocabulary.server_kind import ServerKind
from builder.recipe.choices import DhcpServer, NfsServer, TftpServer
from builder.release.manifest import Lab

PASSED = CheckResult(name="host name", holds="it has its name", passed=True, reason="ssi1")
FAILED = CheckResult(name="clock", holds="it is right", passed=False, reason="it is wrong by <b>1 h</b>")
STARTED = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
STOP = Stop(phase=Phase.GRUB, reason="ssi1 hung for 300 s in phase GRUB", details="tftp.log | no such file")


def node(name: str = "ssi1", **changes: Any) -> NodeReport:
    """A node that booted in a second a phase and passed."""
    times = tuple(PhaseTime(phase=phase, began=float(n), ended=n + 1.0) for n, phase in enumerate(Phase))
    values: dict[str, Any] = {
        "name": name,
        "address": "192.168.0.101",
        "mac": "52:54:00:00:01:01",
        "loader": "/pxegrub",
        "passed": True,
        "phases": times,
        "stopped": None,
        "checks": (PASSED,),
        "traffic": Traffic(tftp=28_500_000, http=0, nfs=37_200_000),
    }
    return NodeReport(**{**values, **changes})


def cell(*nodes: NodeReport, **changes: Any) -> CellReport:
    """The report on these nodes, booted at once."""
    values: dict[str, Any] = {
        "asked": tuple(node.name for node in nodes),
        "firmware": Firmware.BIOS,
        "nic": Nic.VIRTIO_NET,
        "dhcp": DhcpServer.ISC,
        "tftp": TftpServer.TFTPD_HPA,
        "nfs": NfsServer.GANESHA,
        "server": ServerKind.NAMESPACE,
        "accelerator": Accelerator.TCG,
        "started": STARTED,
        "seconds": 113.0,
        "passed": all(node.passed for node in nodes),
        "processors": 2,
        "daemons": (DaemonTime(name="tftpd-hpa", roles=("tftp",), processor_seconds=1.5),),
        "lab_processor_seconds": 4.0,
        "problem": None,
        "nodes": nodes,
    }
    return CellReport(**{**values, **changes})


def report(*cells: CellReport, **changes: Any) -> LabReport:
    """The report on these cells."""
    values: dict[str, Any] = {
        "name": "kerrighed",
        "version": "1.0",
        "content": "c" * 24,
        "tool_version": "0.1.0",
        "started": STARTED,
        "seconds": 115.0,
        "verdict": Lab.PASSED if all(cell.passed for cell in cells) else Lab.FAILED,
        "cells": cells,
    }
    return LabReport(**{**values, **changes})
