"""What a node says about itself once it runs."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass

from builder.lab.agent import Agent, Answer


@dataclass(frozen=True)
class Mount:
    """A line of /proc/mounts (proc_pid_mounts(5))."""

    source: str
    target: str
    kind: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class NodeState:
    """A node's answers.

    `writable` tells for each directory that was tried whether a file could be made in it; `journal` is the end
    of this boot's journal, errors only.
    """

    host_name: str
    root: Mount
    machine_id: str
    kernel: str
    system_state: str
    failed_units: tuple[str, ...]
    writable: dict[str, bool]
    check: Answer
    journal: str


def ask(agent: Agent, directories: Sequence[str], seconds: float) -> NodeState:
    """The state of the node that `agent` is on; `directories` are tried for writing.

    :raises NfsrootError: the node did not answer everything within `seconds`.
    """
    deadline = time.monotonic() + seconds

    def answer(question: str) -> Answer:
        return agent.ask(question, deadline - time.monotonic())

    failed = answer("systemctl list-units --failed --plain --no-legend --full").text
    return NodeState(
        host_name=answer("hostname").text,
        root=mount(answer("awk '$2 == \"/\"' /proc/mounts").text),
        machine_id=answer("cat /etc/machine-id").text,
        kernel=answer("uname -r").text,
        system_state=answer("systemctl is-system-running").text,
        failed_units=tuple(line.split()[0] for line in failed.splitlines()),
        writable={directory: answer(_make_file(directory)).status == 0 for directory in directories},
        check=answer("nfsbooted --check"),
        journal=answer("journalctl --boot --priority=err --no-pager --output=short-monotonic | tail -n 40").text,
    )


def mount(lines: str) -> Mount:
    """The mount that is on top: the last of `lines` of /proc/mounts."""
    source, target, kind, options, *_ = lines.splitlines()[-1].split()
    return Mount(source, target, kind, tuple(options.split(",")))


def _make_file(directory: str) -> str:
    """The command that makes a file in `directory` and removes it."""
    return f'file=$(mktemp {shlex.quote(directory)}/lab.XXXXXX) && rm "$file"'
