"""`nfsroot-site` on a machine of its own: it starts real servers by init scripts, those that learned anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from dhcp_client import ask
from made_sites import asked, in_cluster, unpack

from builder.errors import NfsrootError
from builder.lab.machine.namespace import Namespace, create_namespace
from builder.process import CommandError
from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.settings.release import ReleaseSettings
from builder.site.places import Places

pytestmark = pytest.mark.server

PROJECT = Path(__file__).parents[3]
INIT_SCRIPTS = Path("/etc/init.d")
SITE = Path(sys.executable).with_name("nfsroot-site")


@pytest.fixture
def blue() -> ReleaseSettings:
    """A release whose root does not come over NFS, which a namespace has no kernel for."""
    release = in_cluster(asked(load("debian-nfsroot", SearchPath.default(PROJECT))), "blue", 1)
    programs = {role: name for role, name in release.programs.items() if role != "nfs"}
    return replace(release, programs=programs, exports=())


@contextmanager
def server(files: Path) -> Iterator[Namespace]:
    """A machine with the address 10.1.0.1, on whose cable it is the client too, and with the files of a site."""
    if not (INIT_SCRIPTS / "isc-dhcp-server").exists() or not (INIT_SCRIPTS / "tftpd-hpa").exists():
        pytest.fail("isc-dhcp-server or tftpd-hpa is missing: `make test` installs them")
    own = {Path(sys.prefix), Path(sys.base_prefix), PROJECT}
    binds = {"/files": files, str(INIT_SCRIPTS): INIT_SCRIPTS, **{str(path): path for path in own}}
    with create_namespace("server", binds, ["/var"]) as inside:
        for command in (
            "link add cluster0 type veth peer name eth0",
            "link set lo up",
            "link set cluster0 up",
            "link set eth0 up",
            "address add 10.1.0.1/24 broadcast 10.1.0.255 dev cluster0",
        ):
            inside.run(["ip", *command.split()])
        inside.run(["mkdir", "-p", "/var/lib/dhcp", "/srv/tftp", "/var/log"])
        inside.run(["ln", "-s", "../run", "/var/run"])
        inside.run(["cp", "-a", "/files/.", "/"])
        inside.run(["touch", "/var/lib/dhcp/dhcpd.leases"])  # Debian's package does
        inside.run(["sh", "-euc", "echo 1 >/proc/sys/net/ipv4/conf/all/accept_local"])
        yield inside


def site(inside: Namespace, *words: str) -> list[str]:
    """Call the site's command there, and give what it said."""
    said: list[str] = []
    inside.run([str(SITE), *words], said.append)
    return [line for line in said if not line.startswith("command: ")]


def address_of(inside: Namespace, mac: str, seconds: float = 30.0) -> str | None:
    """The address that a node is offered within `seconds`."""
    offer = inside.in_network(lambda: ask(bytes.fromhex(mac.replace(":", "")), 0, seconds))
    return None if offer is None else str(offer["address"])


def process(inside: Namespace, name: str) -> str:
    """The number of the running process with this name."""
    found: list[str] = []
    inside.run(["pidof", name], found.append)
    return found[-1]


def test_servers_are_started_and_left_alone(blue: ReleaseSettings, tmp_path: Path) -> None:
    """A switch starts DHCP and TFTP; another version restarts neither; a node more restarts DHCP alone."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").write_text("127.0.0.1 localhost\n")
    node = blue.nodes[0]._replace(name="blue9", mac="52:54:00:01:00:09")
    more = blue.dhcp._replace(reservations=(*blue.nodes, node._replace(address=blue.nodes[0].address + 50)))
    places = Places(tmp_path)
    for number, release in enumerate((blue, replace(blue, version="1.1"), replace(blue, version="1.2", dhcp=more))):
        unpack(places, release, number + 1)
    with server(tmp_path) as inside:
        said = site(inside, "switch", "blue", "1.0")
        assert {"Restarted isc-dhcp-server.", "Restarted tftpd-hpa."} <= set(said), said
        assert address_of(inside, blue.nodes[0].mac) == str(blue.nodes[0].address)
        assert address_of(inside, node.mac, 3.0) is None
        first = process(inside, "dhcpd"), process(inside, "in.tftpd")
        said = site(inside, "switch", "blue", "1.1")
        assert not [line for line in said if "started" in line], said
        assert (process(inside, "dhcpd"), process(inside, "in.tftpd")) == first
        said = site(inside, "switch", "blue", "1.2")
        assert [line for line in said if "tarted" in line] == ["Restarted isc-dhcp-server."]
        assert process(inside, "in.tftpd") == first[1]
        assert address_of(inside, node.mac) == str(blue.nodes[0].address + 50)
        _refuses_a_stranger(inside)


def _refuses_a_stranger(inside: Namespace) -> None:
    """With dhcpd's own program killed and dnsmasq in its place, nothing is changed, and dnsmasq is named."""
    inside.run(["sh", "-euc", f"kill {process(inside, 'dhcpd')}"])
    inside.run(["sh", "-euc", "until ! ss -Hlun sport = :67 | grep -q .; do sleep 0.1; done"])
    inside.run(
        ["dnsmasq", "-p0", "-C", "/dev/null", "--leasefile-ro", "--dhcp-range=10.1.0.90,10.1.0.91", "--pid-file="]
    )
    said: list[str] = []
    with pytest.raises(NfsrootError) as failed:
        inside.run([str(SITE), "switch", "blue", "1.0"], said.append)
    assert isinstance(failed.value, CommandError)
    assert failed.value.status == 3
    assert any("dnsmasq serves dhcp on this machine" in line for line in said), said
