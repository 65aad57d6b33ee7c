"""The check that the warnings of a node's journal and its kernel's messages arrive on the server."""

from __future__ import annotations

import time

from builder.lab.checks.model import Check, Finding, Subject
from builder.lab.checks.reboot import BOOT_ID
from builder.settings.logs import DIRECTORY

SECONDS_TO_ARRIVE = 30.0
PAUSE = 0.5

TAG = "nfsroot-lab"
SEND = f"""\
logger --priority daemon.info "{TAG} info $1"
logger --priority daemon.warning "{TAG} warning $1"
echo "<3>{TAG} kernel $1" > /dev/kmsg
"""
"""A script that logs three messages which end with its argument: of the levels info, warning and error (syslog(3))."""


def locate_log(subject: Subject) -> str:
    """Give the path of the node's log file on the server."""
    return f"{DIRECTORY}/{subject.node.name}.log"


def _check_logs(subject: Subject) -> Finding:
    file, mark = locate_log(subject), subject.ask(BOOT_ID).text
    subject.ask(f"set -- {mark}\n{SEND}")
    wanted = {"warning of the journal": f"{TAG} warning {mark}", "kernel's message": f"{TAG} kernel {mark}"}
    deadline = time.monotonic() + SECONDS_TO_ARRIVE
    while True:
        lines = subject.run_on_server(["cat", file]).text.splitlines()
        by_kernel = [line for line in lines if " netconsole: " in line]
        by_journal = [line for line in lines if " netconsole: " not in line]
        found = zip(wanted.items(), (by_journal, by_kernel), strict=True)
        missing = [what for (what, text), group in found if not any(text in line for line in group)]
        if not missing or time.monotonic() > deadline:
            break
        time.sleep(PAUSE)
    problems = [f"no {what} of boot {mark} is in {file} on the server" for what in missing]
    if any(f"{TAG} info {mark}" in line for line in lines):
        problems.append(f"a message below warning is in {file} on the server")
    return Finding(
        f"in {file}: {len(by_journal)} lines of the journal, {len(by_kernel)} of the kernel", tuple(problems)
    )


CHECKS = (
    Check(
        "logs",
        f"a warning of the journal and a message of the kernel are on the server within {SECONDS_TO_ARRIVE:.0f} s",
        _check_logs,
        lambda subject: subject.release.recipe.needs_log_server and subject.has_package("nfsbooted"),
    ),
)
