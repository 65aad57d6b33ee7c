"""Reads the boots of nodes in the lab from a release's lab.json.

A store holds reports of older and newer nfsroots, too: this module takes the fields that it needs from any of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 86400.0
"""The longest time of a boot that is drawn, in seconds."""


@dataclass(frozen=True)
class BootPhase:
    """A phase of a boot, from `began` to `ended` in seconds since power-on."""

    phase: str
    began: float
    ended: float


@dataclass(frozen=True)
class Check:
    """A check of a node in the lab: the condition that must hold, the verdict, and the reason for the verdict."""

    name: str
    holds: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class BootedNode:
    """A node, whether it booted and passed every check, and why its boot ended early, if it did."""

    name: str
    passed: bool
    phases: tuple[BootPhase, ...]
    checks: tuple[Check, ...]
    stopped: str


@dataclass(frozen=True)
class Trial:
    """A boot of some nodes at once: their hardware, their servers, the time in seconds, and the verdict."""

    firmware: str
    nic: str
    dhcp: str
    tftp: str
    nfs: str
    server: str
    faults: tuple[str, ...]
    seconds: float
    passed: bool
    problem: str
    nodes: tuple[BootedNode, ...]


def read_trials(report: bytes, manifest_sha256: str) -> tuple[Trial, ...]:
    """The trials in lab.json; none when the file has an unknown form, or is about another manifest."""
    try:
        document = json.loads(report)
        if document.get("manifest") not in (None, "", manifest_sha256):
            return ()
        return tuple(_trial(table) for table in document["cells"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ()


def _trial(table: Mapping[str, Any]) -> Trial:
    choice = {key: str(table[key]) for key in ("firmware", "nic", "dhcp", "tftp", "nfs", "server")}
    return Trial(
        **choice,
        faults=tuple(str(fault) for fault in table.get("faults", ())),
        seconds=_seconds(table["seconds"]),
        passed=table["passed"] is True,
        problem=str(table.get("problem") or ""),
        nodes=tuple(_node(node) for node in table["nodes"]),
    )


def _node(table: Mapping[str, Any]) -> BootedNode:
    return BootedNode(
        name=str(table["name"]),
        passed=table["passed"] is True,
        phases=tuple(
            BootPhase(str(phase["phase"]), _seconds(phase["began"]), _seconds(phase["ended"]))
            for phase in table["phases"]
        ),
        checks=tuple(
            Check(str(check["name"]), str(check["holds"]), check["passed"] is True, str(check["reason"]))
            for check in table["checks"]
        ),
        stopped=str((table.get("stopped") or {}).get("reason", "")),
    )


def _seconds(value: Any) -> float:
    """The number of seconds in a field, checked: a boot of this length can be drawn."""
    seconds = float(value)
    if not 0 <= seconds <= LONGEST:
        raise ValueError(f"{seconds} is no number of seconds of a boot")
    return seconds
