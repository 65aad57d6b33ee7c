"""install.sh restarts tftpd-hpa by its init script while a node is loading."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.lab.namespace import Namespace, machine
from builder.recipe.load import load
from builder.recipe.models import ReleaseFacts
from builder.recipe.search import SearchPath
from builder.server import bundle

PROJECT = Path(__file__).parents[2]
FACTS = ReleaseFacts(version="1.0", kernel_version="6.12.0-1-amd64", tool_version="0.1.0")
SCRIPT = Path("/etc/init.d/tftpd-hpa")
SERVER = ("192.168.0.1", 69)
BLOCK = 512
SECONDS_A_BLOCK = 0.5
LOADED_SLOWLY = bytes(range(256)) * 20
READ, DATA, ACKNOWLEDGED = 1, 3, 4
"""Opcodes of RFC 1350."""

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not SCRIPT.exists(), reason="Debian's tftpd-hpa has no init script here"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Namespace]:
    """A machine with the server's address and tftpd-hpa, which has an init script and no systemd."""
    recipe = load("debian-nfsroot", SearchPath.default(PROJECT))
    for file in bundle.render(recipe, FACTS):
        target = tmp_path / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)
    (tmp_path / "srv/tftp/slow").write_bytes(LOADED_SLOWLY)
    with machine("nfsserver", {"/bundle": tmp_path, str(SCRIPT): SCRIPT}, ["/srv", "/var"]) as inside:
        inside.run(["mkdir", "-p", "/NFSROOT/debian-nfsroot/1.0"])
        inside.run(["ln", "-s", "/run", "/var/run"])
        inside.run(["ip", "link", "set", "lo", "up"])
        inside.run(["ip", "address", "add", f"{SERVER[0]}/24", "dev", "lo"])
        yield inside


def fetch(server: Namespace, pause: float, begun: threading.Event) -> bytes:
    """What a TFTP client gets that acknowledges each block after a pause; `begun` is set at the first."""
    with server.in_network(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        client.settimeout(5)
        client.sendto(READ.to_bytes(2, "big") + b"/slow\0octet\0", SERVER)
        blocks: dict[int, bytes] = {}
        while not blocks or len(blocks[max(blocks)]) == BLOCK:
            packet, sender = client.recvfrom(BLOCK + 4)
            opcode, number = int.from_bytes(packet[:2], "big"), int.from_bytes(packet[2:4], "big")
            assert opcode == DATA, packet
            if number not in blocks:  # else it was sent again meanwhile
                begun.set()
                time.sleep(pause)
                blocks[number] = packet[4:]
                client.sendto(ACKNOWLEDGED.to_bytes(2, "big") + packet[2:4], sender)
    return b"".join(blocks[number] for number in sorted(blocks))


def install(server: Namespace) -> list[str]:
    """What install.sh says; it must succeed."""
    said: list[str] = []
    server.run(["sh", "/bundle/install.sh"], said.append)
    return said


def test_a_transfer_under_way_keeps_nobody_from_listening(server: Namespace, tmp_path: Path) -> None:
    """New settings for tftpd-hpa are in use when install.sh ends, and the transfer ended as it should."""
    install(server)
    got: list[bytes] = []
    begun = threading.Event()
    slow = threading.Thread(target=lambda: got.append(fetch(server, SECONDS_A_BLOCK, begun)))
    slow.start()
    assert begun.wait(10)
    with (tmp_path / "etc/default/tftpd-hpa").open("a") as settings:
        settings.write("# more\n")
    assert "Restarted tftpd-hpa." in install(server)
    assert fetch(server, 0, threading.Event()) == LOADED_SLOWLY
    slow.join(30)
    assert got == [LOADED_SLOWLY]
    assert "Everything is in place; nothing was changed." in install(server)


def test_a_server_that_was_stopped_is_started(server: Namespace) -> None:
    """When nobody listens although the settings are in place, install.sh starts the server."""
    install(server)
    server.run(["service", "tftpd-hpa", "stop"])
    assert "Started tftpd-hpa." in install(server)
    assert fetch(server, 0, threading.Event()) == LOADED_SLOWLY
