from __future__ import annotations

import os
import socket
import subprocess
import threading

from builder.lab.machine.qemu import SHELL_PORT
from builder.lab.machine.shell import build_command, copy_terminal

WORD = b"c0ffee"


def joined(typed: bytes, said: list[bytes]) -> tuple[bytes, bytes]:
    """What the node got and what the person saw when one typed and the other said this."""
    ours, nodes = socket.socketpair()
    source, keyboard = os.pipe()
    screen, target = os.pipe()
    os.write(keyboard, typed)
    thread = threading.Thread(target=copy_terminal, args=(ours, source, target, WORD))
    thread.start()
    for part in said:
        nodes.sendall(part)
    thread.join(10)
    assert not thread.is_alive()
    ours.close()
    os.close(target)
    with os.fdopen(screen, "rb") as seen, nodes:
        heard = b"".join(iter(lambda: nodes.recv(4096), b""))
        return heard, seen.read()


def test_keys_and_answers_are_copied() -> None:
    """What is typed reaches the node, what it says reaches the screen, and its last word ends it unseen."""
    heard, seen = joined(b"ls\r", [b"file\r\n", b"# " + WORD])
    assert (heard, seen) == (b"ls\r", b"file\r\n# ")


def test_detach() -> None:
    """Ctrl-] ends it although the shell goes on."""
    assert joined(b"\x1d", []) == (b"", b"")


def test_node_that_vanishes() -> None:
    """When the node's end is closed the person is let go."""
    ours, nodes = socket.socketpair()
    source, _ = os.pipe()
    nodes.close()
    copy_terminal(ours, source, 1, WORD)


def test_the_nodes_command_makes_a_terminal() -> None:
    """The node's shell really has a terminal of the right size, and the word comes when it ends."""
    command = build_command(WORD.decode(), "xterm", os.terminal_size((101, 33)))
    assert f"/dev/virtio-ports/{SHELL_PORT}" in command
    local = command.replace(f"<>/dev/virtio-ports/{SHELL_PORT} >&0 2>&0 &", "").replace("cd /root; ", "")
    done = subprocess.run(
        ["sh", "-c", local], input=b"tty; stty size; echo $TERM; exit\n", capture_output=True, timeout=30, check=False
    )
    lines = done.stdout.replace(b"\r", b"").split(b"\n")
    assert b"33 101" in lines
    assert b"xterm" in lines
    assert any(b"/dev/pts/" in line for line in lines)
    assert done.stdout.endswith(WORD)
