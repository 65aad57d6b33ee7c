"""A Debian server without IPv6 that is restarted while a node loads, and whose link comes late."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
import slow_tftp
from mistakes import started

from builder.cache import Cache
from builder.lab.rack.rack import Rack
from builder.lab.released.release import Release
from builder.lab.server.vm.hardware import ServerHardware
from builder.lab.server.vm.virtual_server import VirtualServer
from builder.lab.vocabulary.server_kind import ServerKind

pytestmark = [pytest.mark.boot, pytest.mark.alone, pytest.mark.full]

SECONDS_A_BLOCK = 1.0
BLOCKS = 50
SECONDS_TO_RECOVER = 120.0
MAKE_FILE = f"head -c {BLOCKS * 512} /dev/urandom >/srv/tftp/slow; sha256sum /srv/tftp/slow | cut -d ' ' -f 1"
RESTART = "cd /root/*-server; echo '# more' >>etc/default/tftpd-hpa; ./install.sh"
TRANSFERS = "ss -Hunp | grep -c in.tftpd || :"
SERVES = "systemctl is-active isc-dhcp-server tftpd-hpa nfs-kernel-server; ss -Hlun sport = :67 sport = :69"
SERVICES = 3


@dataclass
class Story:
    """What the server said, and what clients got."""

    said: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def without_ipv6() -> Iterator[None]:
    """The server's kernel has no IPv6."""
    command_line = ServerHardware.command_line
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServerHardware, "command_line", lambda hardware: f"{command_line(hardware)} ipv6.disable=1")
        yield


@pytest.fixture(scope="module", params=["trixie", "bookworm"])
def release(request: pytest.FixtureRequest, variant_to_boot: Callable[[str, str], Release]) -> Release:
    """A release of each suite, of which the server is then, too."""
    return variant_to_boot(f"trouble-{request.param}", f'[debian]\nsuite = "{request.param}"\n')


@pytest.fixture(scope="module")
def story(without_ipv6: None, release: Release, tmp_path_factory: pytest.TempPathFactory, cache: Cache) -> Story:
    """Install, restart the TFTP server during a transfer, then start the machine without a link."""
    told = Story()
    directory = tmp_path_factory.mktemp("trouble") / "rack"
    with started(release, directory, cache, ServerKind.VM) as running:
        server = running.server_machine
        assert isinstance(server, VirtualServer)
        told.said["ipv6"] = ask(running, "ls /proc/net/if_inet6 2>&1 || :")
        restart_during_a_transfer(running, told)
        set_link(server, up=False)
        server.reboot()
        told.said["without link"] = ask(running, SERVES)
        set_link(server, up=True)
        told.said["with link"] = recover(running)
        told.said["exported"] = ask(running, "exportfs -s")
        told.said["loaded"] = running.run_on_network([*client(running), "0"]).text
    return told


def ask(running: Rack, script: str) -> str:
    """What a script of sh(1) says on the server, whatever its status."""
    return running.run_on_server(["sh", "-uc", script]).text


def restart_during_a_transfer(running: Rack, told: Story) -> None:
    """Have install.sh restart tftpd-hpa while a client loads slowly, and load with another one before that ends."""
    told.said["file"] = ask(running, MAKE_FILE)
    with ThreadPoolExecutor(1) as aside:
        slow = aside.submit(running.run_on_network, [*client(running), str(SECONDS_A_BLOCK)])
        while not slow.done() and ask(running, TRANSFERS) == "0":
            time.sleep(0.5)
        told.said["install"] = ask(running, RESTART)
        told.said["quick"] = running.run_on_network([*client(running), "0"]).text
        told.said["slow is done"] = str(slow.done())
        told.said["slow"] = slow.result().text


def set_link(server: VirtualServer, *, up: bool) -> None:
    """Plug the server's network card in, or out (QEMU's QMP reference, "set_link")."""
    server._machine.qmp.execute("set_link", name="net", up=up)


def client(running: Rack) -> list[str]:
    """The command that loads the file over TFTP, without the time that it takes for a block."""
    return [sys.executable, slow_tftp.__file__, str(running.release.recipe.cluster.server.address), "/slow"]


def recover(running: Rack) -> str:
    """What the services say once all are active, or when time is up."""
    deadline = time.monotonic() + SECONDS_TO_RECOVER
    while (said := ask(running, SERVES)).split().count("active") < SERVICES and time.monotonic() < deadline:
        time.sleep(2)
    return said


def test_server_has_no_ipv6(story: Story) -> None:
    """The kernel has not got it at all."""
    assert "No such file" in story.said["ipv6"]


def test_a_restart_lets_transfers_end(story: Story) -> None:
    """While a client loads slowly, tftpd-hpa is restarted and serves the next one at once; both get the file."""
    assert "Restarted tftpd-hpa." in story.said["install"]
    assert story.said["quick"].split() == ["begun", story.said["file"]]
    assert story.said["slow is done"] == "False"
    assert story.said["slow"].split() == ["begun", story.said["file"]]


def test_servers_serve_when_the_link_is_there(story: Story) -> None:
    """Started without a link, DHCP and TFTP cannot serve; with one they do, without anybody's help."""
    assert story.said["without link"].split().count("active") < SERVICES
    assert story.said["with link"].split().count("active") == SERVICES
    assert story.said["loaded"].split() == ["begun", story.said["file"]]
    assert "/NFSROOT/" in story.said["exported"]
