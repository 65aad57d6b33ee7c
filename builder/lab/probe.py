"""What a node says about itself once it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from builder.lab.agent import Agent, Answer

SECONDS_TO_RUNNING = 240.0


@dataclass(frozen=True)
class Mount:
    """A line of /proc/mounts (proc_pid_mounts(5))."""

    source: str
    target: str
    kind: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class NodeState:
    """A node's answers.  `writable` tells for each directory that was tried whether a file could be made in it."""

    host_name: str
    root: Mount
    machine_id: str
    kernel: str
    system_state: str
    failed_units: tuple[str, ...]
    writable: dict[str, bool]
    check: Answer


def ask(agent: Agent, directories: Sequence[str]) -> NodeState:
    """The state of the node once systemd has finished starting it (systemctl(1), `is-system-running --wait`).

    :raises NfsrootError: the node stopped answering.
    """
    system_state = agent.ask("systemctl is-system-running --wait", SECONDS_TO_RUNNING).text
    failed = agent.ask("systemctl list-units --failed --plain --no-legend --full").text
    return NodeState(
        host_name=agent.ask("hostname").text,
        root=mount(agent.ask("awk '$2 == \"/\"' /proc/mounts").text),
        machine_id=agent.ask("cat /etc/machine-id").text,
        kernel=agent.ask("uname -r").text,
        system_state=system_state,
        failed_units=tuple(line.split()[0] for line in failed.splitlines()),
        writable={directory: _is_writable(agent, directory) for directory in directories},
        check=agent.ask("nfsbooted --check"),
    )


def mount(lines: str) -> Mount:
    """The mount that is on top: the last of `lines` of /proc/mounts."""
    source, target, kind, options, *_ = lines.splitlines()[-1].split()
    return Mount(source, target, kind, tuple(options.split(",")))


def _is_writable(agent: Agent, directory: str) -> bool:
    """Whether a file can be made in `directory`; it is removed again."""
    return agent.ask(f"file=$(mktemp '{directory}/lab.XXXXXX') && rm \"$file\"").status == 0
