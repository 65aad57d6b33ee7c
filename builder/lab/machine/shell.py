"""A shell on a node for the user, over a virtio-serial port."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shlex
import socket
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from builder.lab.machine.qemu import SHELL_PORT

if TYPE_CHECKING:
    from builder.lab.machine.node import VirtualNode

DETACH = b"\x1d"
"""The key that leaves the shell: Ctrl-], as in telnet(1)."""

CHUNK = 4096


def attach(node: VirtualNode) -> None:
    """Connect the user's terminal to a shell on the node, until the shell ends or the user types Ctrl-]."""
    word = secrets.token_hex(8)
    with closing(socket.socket(socket.AF_UNIX)) as port, _set_raw(sys.stdin.fileno()):
        port.connect(str(node.directory / "shell.sock"))
        node.ask(build_command(word, os.environ.get("TERM", "vt100"), os.get_terminal_size()))
        copy_terminal(port, sys.stdin.fileno(), sys.stdout.fileno(), word.encode())


def build_command(word: str, terminal: str, size: os.terminal_size) -> str:
    """Build the command that runs a login shell on a new terminal of the node (script(1)), and then writes `word`."""
    shell = f"stty rows {size.lines} columns {size.columns}; exec bash --login"
    session = f"script --quiet --command {shlex.quote(shell)} /dev/null; printf %s {word}"
    environment = f"cd /root; export HOME=/root TERM={shlex.quote(terminal)}"
    port = f"/dev/virtio-ports/{SHELL_PORT}"
    return f"setsid sh -c {shlex.quote(f'{environment}; {session}')} <>{port} >&0 2>&0 &"


def copy_terminal(port: socket.socket, source: int, target: int, word: bytes) -> None:
    """Copy from file descriptor `source` to `port`, and from `port` to `target`, until `word` or Ctrl-] comes."""
    heard = b""
    while True:
        ready, _, _ = select.select([port.fileno(), source], [], [])
        if source in ready:
            typed = os.read(source, CHUNK)
            if not typed or DETACH in typed:
                return
            port.sendall(typed)
        if port.fileno() in ready:
            said = port.recv(CHUNK)
            heard = (heard + said)[-CHUNK - len(word) :]
            os.write(target, said.replace(word, b""))
            if not said or word in heard:
                return


@contextlib.contextmanager
def _set_raw(terminal: int) -> Iterator[None]:
    """Make a terminal pass on every key, and restore its settings when the block is left (termios(3))."""
    before = termios.tcgetattr(terminal)
    tty.setraw(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
