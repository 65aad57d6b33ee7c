"""A connection to a socket of which a test holds the other end."""

from __future__ import annotations

import socket
from pathlib import Path


def dialled(path: Path) -> socket.socket:
    """A connection to the socket that listens at `path`."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    return connection
