"""Reports of nodes: the release that a node runs, since when, and systemd's word for the node's state.

Nodes write these files, so that nobody may trust them: any node can write any file over NFS, and under its own address
over HTTP.  A file that is no small, regular, well-formed report of its node is passed over, with the reason.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from builder.site.places import Places

SCHEMA = 1
LARGEST = 4096
"""The size of the largest report, in bytes; nginx takes no larger one."""

MOST_FAILED = 64
"""The most failed units that a report names."""

STATES = frozenset({"initializing", "starting", "running", "degraded", "maintenance", "stopping", "unknown"})
"""The words of `systemctl is-system-running` (systemctl(1))."""


@dataclass(frozen=True)
class Report:
    """The last report of the node `node` about the release that it runs.

    `release` and `version` name the release, `boot_id` the boot (random(4), /proc/sys/kernel/random/boot_id).  `state`
    is systemd's word for the node, `failed` names its failed units.  `seconds` is the time from the kernel's start to
    the end of the boot.  `time` is when the node wrote it, by the node's clock, and `received` when it arrived, by the
    server's; both are seconds since 1970 (UTC).  `way` is nfs or http.  `uptime` is the time from the kernel's
    start to the report; None where the report does not say so.
    """

    node: str
    release: str
    version: str
    boot_id: str
    state: str
    seconds: float
    failed: tuple[str, ...]
    time: int
    received: float
    way: str
    uptime: float | None = None


@dataclass(frozen=True)
class PassedOver:
    """A file that is no report, and the reason."""

    file: Path
    reason: str


@dataclass(frozen=True)
class Reports:
    """The last report of each node that has one, and the files that were passed over."""

    by_node: Mapping[str, Report] = field(default_factory=dict)
    passed_over: tuple[PassedOver, ...] = ()


class ReportError(Exception):
    """The error of a file that is no report; the message has the reason."""


def read_reports(places: Places, nodes: Mapping[str, IPv4Address]) -> Reports:
    """Read the reports of the nodes in `nodes`, which has their addresses by their names.

    When a node reported over NFS and over HTTP, its later report counts.  Only files that can be a report of one of
    these nodes are read, so that a directory full of others costs nothing.
    """
    found: dict[str, Report] = {}
    passed_over = []
    names = {
        "nfs": (places.reports_over_nfs, {node: node for node in nodes}),
        "http": (places.reports_over_http, {node: str(address) for node, address in nodes.items()}),
    }
    for way, (directory, file_names) in names.items():
        for node, outcome in _read_directory(directory, file_names, way):
            if isinstance(outcome, PassedOver):
                passed_over.append(outcome)
            elif node not in found or found[node].received < outcome.received:
                found[node] = outcome
    return Reports(found, tuple(passed_over))


def _read_directory(
    directory: Path, file_names: Mapping[str, str], way: str
) -> Iterator[tuple[str, Report | PassedOver]]:
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    except OSError as error:
        yield "", PassedOver(directory, f"it cannot be read: {error.strerror}")
        return
    try:
        for node, name in file_names.items():
            try:
                content, received = _read(name, handle)
                yield node, parse(content, node, received, way)
            except FileNotFoundError:
                continue
            except (OSError, ReportError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                yield node, PassedOver(directory / name, str(reason))
    finally:
        os.close(handle)


def _read(name: str, directory: int) -> tuple[bytes, float]:
    """The content of a small regular file, and the time at which it was written.

    The time is that of the last change of the inode (inode(7), ctime), which no client of NFS can set.
    """
    _require_regular(os.lstat(name, dir_fd=directory))  # opening a device may change its state
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=directory)
    with os.fdopen(handle, "rb", buffering=0) as file:
        status = os.fstat(handle)
        _require_regular(status)
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ReportError(f"it is larger than {LARGEST} bytes")
    return content, status.st_ctime


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ReportError("it is no regular file")


def parse(content: bytes, node: str, received: float, way: str) -> Report:
    """The report of a node in the bytes of its file.

    :raises ReportError: the bytes are no report of this node.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReportError("it is no JSON") from error
    if not isinstance(document, dict):
        raise ReportError("it is no JSON object")
    if document.get("schema") != SCHEMA:
        raise ReportError(f"its schema is not {SCHEMA}, which this nfsroot-site reads")
    name = _text(document, "node", _NAME)
    if name != node:
        raise ReportError(f"it says that it is of {name}, and lies where {node} writes")
    return Report(
        node=node,
        release=_text(document, "release", _NAME),
        version=_text(document, "version", _VERSION),
        boot_id=_text(document, "boot_id", _BOOT_ID),
        state=_state(document),
        seconds=_number(document, "seconds"),
        failed=_failed(document),
        time=int(_number(document, "time")),
        received=received,
        way=way,
        uptime=_number(document, "uptime") if "uptime" in document else None,
    )


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}")
_BOOT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]{1,255}")
"""A unit's name (systemd.unit(5))."""


def _text(document: Mapping[str, Any], key: str, form: re.Pattern[str]) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ReportError(f"its {key} is not well-formed")
    return value


def _state(document: Mapping[str, Any]) -> str:
    state = document.get("state")
    if not isinstance(state, str) or state not in STATES:
        raise ReportError("its state is not one of systemd's")
    return state


def _number(document: Mapping[str, Any], key: str) -> float:
    """A number from 0 to 10^10 in a report; NaN is refused."""
    value = document.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e10:
        raise ReportError(f"its {key} is no number from 0 to 10^10")
    return value


def _failed(document: Mapping[str, Any]) -> tuple[str, ...]:
    units = document.get("failed")
    if not isinstance(units, list) or len(units) > MOST_FAILED:
        raise ReportError(f"its failed is no list of {MOST_FAILED} units at most")
    if not all(isinstance(unit, str) and _UNIT.fullmatch(unit) for unit in units):
        raise ReportError("its failed holds something else than names of units")
    return tuple(units)
