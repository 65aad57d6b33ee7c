"""One server with real daemons for several clusters: on networks of its own, on one network, and behind a relay."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
from dhcp_client import ask
from made_sites import asked, in_cluster, serving, unpack

from builder.errors import NfsrootError
from builder.events import Event
from builder.lab.machine.namespace import Namespace, create_namespace
from builder.lab.server.namespace_server import SCRIPTS
from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.settings.dhcp import Loader
from builder.settings.release import ReleaseSettings
from builder.site.apply import apply
from builder.site.errors import RefusedError
from builder.site.options import FILE as OPTIONS_FILE
from builder.site.places import Places
from builder.site.services import NoServices, Systemd
from builder.site.site import Site

pytestmark = pytest.mark.server

PROJECT = Path(__file__).parents[3]
BIOS, UEFI_X64 = 0, 7
ROUTER, HOST_NAME, DOMAIN, ROOT_PATH, MENU = 3, 12, 15, 17, 150
PROGRAMS = {"isc": "isc-dhcp-server", "kea": "kea-dhcp4-server", "dnsmasq": "dnsmasq"}
UPLINK = IPv4Address("10.9.0.1")
"""The server's address on the network where the relay is."""
STRANGER = "52:54:00:ff:ff:ff"
"""A machine that no recipe names."""
PATIENT, SHORT = 30.0, 1.5
"""Seconds to wait for an offer that is to come, also while the server starts, and for one that must not come."""
ALIEN = """\
option domain-name "alien.example";
default-lease-time 600;
subnet 10.4.0.0 netmask 255.255.255.0 {
  range 10.4.0.100 10.4.0.150;
  filename "alien.0";
}
"""
"""An administrator's own dhcpd.conf."""


@dataclass(frozen=True)
class Answer:
    """What a node is told: address, name, domain, router, root path, loader, the server to load from, and its menu."""

    address: str
    name: str
    domain: str
    router: str
    root: str
    loader: str
    server: str
    menu: str | None


def releases() -> tuple[ReleaseSettings, ...]:
    """Two recipes for nodes on one network, one with a network of its own, and one whose network is behind a relay."""
    debian = asked(load("debian-nfsroot", SearchPath.default(PROJECT)))
    blue, green = in_cluster(debian, "blue", 1), in_cluster(debian, "green", 2)
    azure = in_cluster(debian, "azure", 5)
    nodes = tuple(node._replace(address=node.address - (4 << 16) + 100) for node in azure.nodes)
    other = blue.dhcp._replace(
        root_path="/NFSROOT/azure", reservations=nodes, loaders=(Loader("uefi-x64", "/a.efi", (7,)),)
    )
    far = in_cluster(debian, "far", 3, server=UPLINK)
    return blue, replace(azure, cluster=blue.cluster, dhcp=other), green, far


def expected(release: ReleaseSettings, number: int, architecture: int, *, has_menu: bool) -> Answer:
    """What a node of a release is to be told."""
    node, dhcp = release.nodes[number], release.dhcp
    loaders = [loader.file for loader in dhcp.loaders if architecture in loader.architectures]
    menu = f"(nd)/grub/{node.name}" if has_menu else None
    told = (dhcp.domain, str(dhcp.router), dhcp.root_path, loaders[0] if loaders else "", str(dhcp.server), menu)
    return Answer(str(node.address), node.name, *told)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A server's file system."""
    directory = tmp_path / "root"
    (directory / "etc").mkdir(parents=True)
    return directory


def compose(root: Path, program: str, *served: ReleaseSettings) -> None:
    """Unpack releases and switch to them, with a DHCP server that the site chooses."""
    site = Site(Places(root), NoServices())
    (root / OPTIONS_FILE.lstrip("/")).write_text(f'[server]\ndhcp = "{program}"\n')
    for release in served:
        unpack(site.places, release)
    apply(site, serving(*served), _ignore)


def _ignore(_event: Event) -> None:
    """Say nothing."""


@contextmanager
def networks(root: Path) -> Iterator[tuple[Namespace, Namespace, Namespace]]:
    """A server on the networks 10.1, 10.2, 10.4 and 10.9, a relay from there to 10.3, and a client.

    The client's interfaces are eth1 to eth4, by the networks' numbers.
    """
    with ExitStack() as stack:
        server = stack.enter_context(create_namespace("server", {"/composed": root}, ["/var"]))
        client = stack.enter_context(create_namespace("client", {}, ["/var"]))
        relay = stack.enter_context(create_namespace("relay", {}, ["/var"]))
        for number in (1, 2, 4):
            _connect(server, client, f"cluster{number}", f"eth{number}")
            _ip(server, f"address add 10.{number}.0.1/24 broadcast 10.{number}.0.255 dev cluster{number}")
        _connect(server, relay, "uplink", "uplink")
        _connect(relay, client, "cluster3", "eth3")
        _ip(server, f"address add {UPLINK}/24 dev uplink", "route add 10.3.0.0/24 via 10.9.0.2")
        _ip(relay, "address add 10.9.0.2/24 dev uplink", "address add 10.3.0.1/24 broadcast 10.3.0.255 dev cluster3")
        relay.start(
            ["dnsmasq", "-k", "-p0", "-C", "/dev/null", f"--dhcp-relay=10.3.0.1,{UPLINK}", "--pid-file="],
            root / "relay.log",
        )
        server.run(["mkdir", "-p", "/var/lib/dhcp", "/var/lib/nginx", "/var/log/nginx", "/srv/tftp"])
        server.run(["cp", "-a", "/composed/etc/.", "/etc/"])
        yield server, client, relay


def _connect(one: Namespace, other: Namespace, name: str, peer: str) -> None:
    """Join two machines by a cable."""
    one.run_with_our_files(
        ["ip", "link", "add", name, "type", "veth", "peer", "name", peer, "netns", str(other.init)], lambda _: None
    )
    _ip(one, f"link set {name} up")
    _ip(other, f"link set {peer} up")
    other.run(
        [
            "sh",
            "-euc",
            f"echo 0 >/proc/sys/net/ipv4/conf/{peer}/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter",
        ]
    )


def _ip(inside: Namespace, *commands: str) -> None:
    for command in commands:
        inside.run(["ip", *command.split()])


def offered(
    client: Namespace, network: int, mac: str, architecture: int = BIOS, seconds: float = PATIENT
) -> Answer | None:
    """The offer that a machine gets on a network within `seconds`; None when it gets no offer."""
    data, interface = bytes.fromhex(mac.replace(":", "")), f"eth{network}".encode()
    offer: dict[str, Any] | None = client.in_network(lambda: ask(data, architecture, seconds, interface))
    if offer is None:
        return None
    options = {code: bytes.fromhex(value) for code, value in offer["options"].items()}
    texts = {code: value.rstrip(b"\0").decode() for code, value in options.items() if code in (12, 15, 17, 150)}
    router = str(IPv4Address(options[ROUTER][:4])) if ROUTER in options else ""
    return Answer(
        offer["address"],
        texts.get(HOST_NAME, ""),
        texts.get(DOMAIN, ""),
        router,
        texts.get(ROOT_PATH, ""),
        offer["file"],
        offer["next_server"],
        texts.get(MENU),
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_node_gets_what_its_own_recipe_says(program: str, root: Path, tmp_path: Path) -> None:
    """Address, name, domain, root, loader and menu are those of the node's recipe, on every network."""
    served = releases()
    compose(root, program, *served)
    log, has_menu = tmp_path / "log", program != "dnsmasq"
    with networks(root) as (server, client, _relay):
        server.start(["sh", "-euc", SCRIPTS[PROGRAMS[program]]], log)
        places = {"blue": 1, "azure": 1, "green": 2, "far": 3}
        cases = [(each, number, arch) for each in served for number in (0, 1) for arch in (BIOS, UEFI_X64)]
        told = {
            (each.name, number, arch): offered(client, places[each.name], each.nodes[number].mac, arch)
            for each, number, arch in cases
        }
        strangers = [offered(client, network, STRANGER, seconds=SHORT) for network in (1, 2, 3)]
    should = {
        (each.name, number, arch): expected(each, number, arch, has_menu=has_menu) for each, number, arch in cases
    }
    assert {case: said for case, said in told.items() if said != should[case]} == {}, log.read_text()[-3000:]
    assert strangers == [None, None, None]


def test_declarations_of_others_keep_their_meaning(root: Path, tmp_path: Path) -> None:
    """An administrator's network in the same dhcpd.conf is served as before, to unknown machines too."""
    (root / "etc/dhcp").mkdir()
    (root / "etc/dhcp/dhcpd.conf").write_text(ALIEN)
    (root / "etc/default").mkdir()
    (root / "etc/default/isc-dhcp-server").write_text('INTERFACESv4=""\n')
    served, log = releases(), tmp_path / "log"
    compose(root, "isc", *served)
    assert (root / "etc/dhcp/dhcpd.conf").read_text().startswith(f"{ALIEN}# BEGIN nfsroot\n")
    with networks(root) as (server, client, _relay):
        server.start(["sh", "-euc", SCRIPTS["isc-dhcp-server"]], log)
        known = offered(client, 2, served[2].nodes[0].mac)
        stranger, elsewhere = offered(client, 4, STRANGER), offered(client, 2, STRANGER, seconds=SHORT)
        far = offered(client, 3, served[3].nodes[1].mac)
    assert known == expected(served[2], 0, BIOS, has_menu=True), log.read_text()
    assert far == expected(served[3], 1, BIOS, has_menu=True)
    assert stranger is not None
    assert (stranger.domain, stranger.loader, stranger.menu) == ("alien.example", "alien.0", None)
    assert IPv4Address(stranger.address) in IPv4Network("10.4.0.0/24")
    assert elsewhere is None


def test_a_file_that_does_not_parse_is_refused(root: Path) -> None:
    """dhcpd's own words are shown, and no file is touched."""
    (root / "etc/dhcp").mkdir()
    (root / "etc/dhcp/dhcpd.conf").write_text(f"{ALIEN}subnet 10.4.1.0 netmask {{\n")
    before = {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}
    with pytest.raises(NfsrootError, match=r"dhcpd rejects /etc/dhcp/dhcpd\.conf; nothing was changed") as refused:
        compose(root, "isc", *releases())
    assert "line 7" in refused.value.details
    assert {file: file.read_bytes() for file in before} == before
    assert not (root / "etc/hosts").exists()


def test_a_change_by_hand_that_does_not_parse_is_refused_before_a_restart(root: Path) -> None:
    """What stays as somebody wrote it is checked, too, when its server is to learn anything else."""
    (blue, *_) = releases()
    compose(root, "isc", blue)
    conf = root / "etc/dhcp/dhcpd.conf"
    conf.write_text(f"{conf.read_text()}subnet 10.4.1.0 netmask {{\n")
    (root / "etc/default/isc-dhcp-server").unlink()
    with pytest.raises(NfsrootError, match=r"dhcpd rejects /etc/dhcp/dhcpd\.conf; nothing was changed"):
        apply(Site(Places(root), NoServices()), serving(blue), _ignore)
    assert not (root / "etc/default/isc-dhcp-server").exists()


def test_a_foreign_dhcp_server_is_refused(root: Path, tmp_path: Path) -> None:
    """While another program answers DHCP on the machine, no settings are written for one more."""
    (release, *_) = releases()
    log = tmp_path / "log"
    with networks(root) as (server, client, _relay):
        server.start(
            [
                "dnsmasq",
                "-k",
                "-p0",
                "-C",
                "/dev/null",
                "--leasefile-ro",
                "--dhcp-range=10.4.0.10,10.4.0.20",
                "--pid-file=",
            ],
            log,
        )
        assert offered(client, 4, STRANGER), log.read_text()
        site = Site(Places(root), _Listening(server))
        unpack(site.places, release)
        with pytest.raises(RefusedError, match="dnsmasq serves dhcp on this machine") as refused:
            apply(site, serving(release), _ignore)
    assert "systemctl disable --now dnsmasq" in refused.value.resolution
    assert not (root / "etc/dhcp").exists()


class _Listening(NoServices):
    """The sockets of a machine of the test."""

    def __init__(self, inside: Namespace) -> None:
        self._inside = inside

    def listeners(self, protocol: str, port: int) -> frozenset[str] | None:
        """Who listens there."""
        return self._inside.in_network(lambda: Systemd().listeners(protocol, port))


def test_nginx_answers_each_cluster_at_its_own_address(root: Path, tmp_path: Path) -> None:
    """A machine of a cluster's network gets files at the server's address there, others are refused."""
    blue, azure, green, _far = (replace(each, programs={**each.programs, "http": "nginx"}) for each in releases())
    compose(root, "isc", blue, azure, green)
    (root / "etc/nginx").mkdir(exist_ok=True)
    fetch = "exec 3<>/dev/tcp/{0}/80; printf 'GET /file HTTP/1.0\\r\\n\\r\\n' >&3; head -n 1 <&3"
    with networks(root) as (server, client, _relay):
        server.run(["sh", "-euc", "echo content >/srv/tftp/file"])
        server.start(["sh", "-euc", SCRIPTS["nginx"]], tmp_path / "log")
        _ip(client, *(f"address add 10.{number}.0.200/24 dev eth{number}" for number in (1, 2, 4)))
        _ip(client, "route add 10.1.0.1 via 10.4.0.1 dev eth4")
        said: list[str] = []
        deadline = time.monotonic() + 30
        while not said:
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            try:
                client.run(["bash", "-euc", fetch.format("10.2.0.1")], said.append)
            except NfsrootError:
                said.clear()
                time.sleep(0.2)
        client.run(["bash", "-euc", fetch.format("10.1.0.1")], said.append)
    answers = [line.strip() for line in said if line.startswith("HTTP/")]
    assert [line.split()[1] for line in answers] == ["200", "403"]
