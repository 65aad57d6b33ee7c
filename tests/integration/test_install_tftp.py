"""install.sh restarts tftpd-hpa by its init script while a node is loading."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import slow_tftp
from layouts import layout_of

from builder.lab.machine.namespace import Namespace, create_namespace
from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.server import bundle

PROJECT = Path(__file__).parents[2]
SCRIPT = Path("/etc/init.d/tftpd-hpa")
SERVER = "192.168.0.1"
SECONDS_A_BLOCK = 0.5
LOADED_SLOWLY = bytes(range(256)) * 20
DIGEST = hashlib.sha256(LOADED_SLOWLY).hexdigest()

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not SCRIPT.exists(), reason="Debian's tftpd-hpa has no init script here"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Namespace]:
    """A machine with the server's address and tftpd-hpa, which has an init script and no systemd."""
    recipe = load("debian-nfsroot", SearchPath.default(PROJECT))
    for file in bundle.render(layout_of(recipe)):
        target = tmp_path / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)
    (tmp_path / "srv/tftp/slow").write_bytes(LOADED_SLOWLY)
    with create_namespace("nfsserver", {"/bundle": tmp_path, str(SCRIPT): SCRIPT}, ["/srv", "/var"]) as inside:
        inside.run(["mkdir", "-p", "/NFSROOT/debian-nfsroot/1.0"])
        inside.run(["ln", "-s", "/run", "/var/run"])
        inside.run(["ip", "link", "set", "lo", "up"])
        inside.run(["ip", "address", "add", f"{SERVER}/24", "dev", "lo"])
        yield inside


def fetch(server: Namespace, seconds_a_block: float, begun: threading.Event) -> str:
    """The SHA-256 of what a TFTP client gets that takes its time; `begun` is set when it has the first block."""
    said: list[str] = []

    def on_line(line: str) -> None:
        said.append(line)
        if line == "begun":
            begun.set()

    argv = [sys.executable, slow_tftp.__file__, SERVER, "/slow", str(seconds_a_block)]
    server.run_with_our_files(argv, on_line)
    return said[-1]


def install(server: Namespace) -> list[str]:
    """What install.sh says; it must succeed."""
    said: list[str] = []
    server.run(["sh", "/bundle/install.sh"], said.append)
    return said


def test_a_transfer_under_way_keeps_nobody_from_listening(server: Namespace, tmp_path: Path) -> None:
    """New settings for tftpd-hpa are in use when install.sh ends, and the transfer ended as it should."""
    install(server)
    got: list[str] = []
    begun = threading.Event()
    slow = threading.Thread(target=lambda: got.append(fetch(server, SECONDS_A_BLOCK, begun)))
    slow.start()
    assert begun.wait(10)
    with (tmp_path / "etc/default/tftpd-hpa").open("a") as settings:
        settings.write("# more\n")
    assert "Restarted tftpd-hpa." in install(server)
    assert fetch(server, 0, threading.Event()) == DIGEST
    slow.join(30)
    assert got == [DIGEST]
    assert "Everything is in place; nothing was changed." in install(server)


def test_a_server_that_was_stopped_is_started(server: Namespace) -> None:
    """When nobody listens although the settings are in place, install.sh starts the server."""
    install(server)
    server.run(["service", "tftpd-hpa", "stop"])
    assert "Started tftpd-hpa." in install(server)
    assert fetch(server, 0, threading.Event()) == DIGEST
