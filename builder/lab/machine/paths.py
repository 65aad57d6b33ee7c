"""The rack's working directory, with sockets of nodes and logs of nodes and servers."""

from __future__ import annotations

from pathlib import Path

INSIDE = "/lab"
"""The path of the working directory in the rack's namespace."""

NETWORK_LOG = "network.log"
SERVER_LOGS = "servers"
"""The subdirectory with the servers' logs."""


def list_server_logs(directory: Path) -> list[Path]:
    """List the logs of the servers that were started."""
    return sorted((directory / SERVER_LOGS).glob("*.log"))


def read_last_lines(log: Path, count: int = 10) -> str:
    """Read the last lines of a log, each marked with the log's name."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"{log.name} | {line.rstrip()}" for line in lines[-count:])
