"""The check that a node tells its server which release it runs."""

from __future__ import annotations

import json
import time
from typing import Any

from builder.lab.checks.model import Check, Finding, Subject
from builder.lab.checks.reboot import BOOT_ID
from builder.settings import reports

SECONDS_TO_REPORT = 60.0
PAUSE = 0.5

TIMER = "systemctl show --property=NextElapseUSecMonotonic --value nfsbooted-report.timer"
"""Prints the time of the node's next report, counted from its start (systemctl(1)); `infinity` means never."""


def locate_report(subject: Subject) -> str:
    """Give the path of the node's report on the server."""
    if subject.release.recipe.needs_http:
        return f"{reports.OVER_HTTP}/{subject.node.address}"
    return f"{reports.OVER_NFS}/{subject.node.name}"


def _check_report(subject: Subject) -> Finding:
    file = locate_report(subject)
    boot_id = subject.ask(BOOT_ID).text
    report = _await_report(subject, file, boot_id)
    if not report:
        said = subject.ask("journalctl --boot --no-pager --output=cat --unit=nfsbooted-report.service").text
        return Finding("", (f"no report of boot {boot_id} is in {file} on the server; the node says: {said}",))
    manifest = subject.release.manifest
    expected = {
        "schema": 1,
        "node": subject.node.name,
        "release": manifest.name,
        "version": manifest.version,
        "state": "running",
        "failed": [],
    }
    problems = [
        f"{key} is {report.get(key)!r}, not {value!r}" for key, value in expected.items() if report.get(key) != value
    ]
    timer = subject.ask(TIMER).text
    if timer in ("", "infinity"):
        problems.append("no other report of the node is due")
    return Finding(
        f"in {file}, {report.get('seconds')} s after the kernel's start; the next one is due", tuple(problems)
    )


def _await_report(subject: Subject, file: str, boot_id: str) -> dict[str, Any]:
    """Wait for the node's report of this boot; the result is empty when it does not come in time."""
    deadline = time.monotonic() + SECONDS_TO_REPORT
    while True:
        report = _parse_report(subject.run_on_server(["cat", file]).text)
        if report.get("boot_id") == boot_id:
            return report
        if time.monotonic() > deadline:
            return {}
        time.sleep(PAUSE)


def _parse_report(text: str) -> dict[str, Any]:
    """Parse a JSON object; the result is empty when the text has none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


CHECKS = (
    Check(
        "report",
        f"the server has the node's report of this boot within {SECONDS_TO_REPORT:.0f} s, and another one is due",
        _check_report,
        lambda subject: subject.has_package("nfsbooted"),
    ),
)
