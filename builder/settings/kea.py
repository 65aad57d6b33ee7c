"""Configuration of Kea's DHCPv4 server (Kea Administrator Reference Manual, "The DHCPv4 Server")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from builder.settings.dhcp import MENU_OPTION, Dhcp, Loader, Reservation
from builder.settings.headers import settings_header
from builder.settings.networks import Network, networks
from builder.settings.release import ReleaseSettings

MENU = "grub-menu"
MENU_DEFINITION = {"name": MENU, "code": MENU_OPTION, "type": "string"}
UNKNOWN = {"name": "DROP", "test": "not member('KNOWN')"}
"""The class of clients that have no reservation, whose requests Kea drops."""

PATIENCE = {"service-sockets-max-retries": 720, "service-sockets-retry-wait-time": 5000}
"""Settings by which Kea tries for an hour to open its sockets; the wait is in milliseconds.

Kea opens no socket on an interface without link or address, as when server and switch get their power at once.
"""


def kea_conf(releases: Sequence[ReleaseSettings]) -> str:
    """The text of kea-dhcp4.conf: JSON below a comment of lines that begin with #."""
    settings = ",\n".join(f'  "{name}": {_json(value)}' for name, value in _dhcp4(releases).items())
    header = settings_header(releases)
    return f'{header}\n# Check it with: kea-dhcp4 -t FILE\n\n{{ "Dhcp4": {{\n{settings}\n}} }}\n'


def listen_everywhere(text: str) -> str:
    """The text of a kea-dhcp4.conf for all interfaces: the checker's machine may lack the server's."""
    return re.sub(r'"interfaces": \[[^\]]*\]', '"interfaces": ["*"]', text)


def _json(value: object) -> str:
    """A value as JSON, with a line for each item of a list: other servers' settings have a line for each node, too."""
    if isinstance(value, list):
        return "[\n" + ",\n".join(f"    {json.dumps(item)}" for item in value) + "\n  ]"
    return json.dumps(value)


def _dhcp4(releases: Sequence[ReleaseSettings]) -> dict[str, Any]:
    """The settings of Kea's DHCPv4 server, by their names.

    Reservations are global and looked up early, so that the class DROP can hold clients that have none.  A boot ROM,
    GRUB and the initramfs name one node by three client identifiers: its MAC address alone counts.  Every address is
    reserved, so that no lease has to outlive the server.
    """
    interfaces = sorted({release.dhcp.interface or "*" for release in releases})
    return {
        "interfaces-config": {"interfaces": ["*"] if "*" in interfaces else interfaces, **PATIENCE},
        "lease-database": {"type": "memfile", "persist": False},
        "host-reservation-identifiers": ["hw-address"],
        "match-client-id": False,
        "early-global-reservations-lookup": True,
        "reservations-global": True,
        "reservations-in-subnet": False,
        **(_of_one(releases[0].dhcp) if len(releases) == 1 else _of_several(releases)),
    }


def _of_one(dhcp: Dhcp) -> dict[str, Any]:
    """The settings for one release: options of its cluster are global."""
    return {
        "next-server": str(dhcp.server),
        "option-def": [MENU_DEFINITION],
        "option-data": [*_options(dhcp), *_root_path(dhcp)],
        "client-classes": [UNKNOWN, *map(_client_class, dhcp.loaders)],
        "subnet4": [{"id": 1, "subnet": str(dhcp.subnet)}],
        "reservations": list(map(_reservation, dhcp.reservations)),
    }


def _of_several(releases: Sequence[ReleaseSettings]) -> dict[str, Any]:
    """The settings for several releases.

    Options of a network stand in its subnet, those of a recipe in a class to which its reservations belong.  Kea keeps
    `user-context` and does not use it.
    """
    return {
        "option-def": [MENU_DEFINITION],
        "client-classes": [UNKNOWN, *(each for release in releases for each in _classes_of(release))],
        "subnet4": [_subnet(network) for network in networks(releases)],
        "reservations": [
            {**_reservation(reservation), "client-classes": [_class_name(release)]}
            for release in releases
            for reservation in release.nodes
        ],
    }


def _subnet(network: Network) -> dict[str, Any]:
    return {
        "id": network.number,
        "subnet": str(network.dhcp.subnet),
        "next-server": str(network.dhcp.server),
        "option-data": _options(network.dhcp),
        "user-context": {"comment": network.title},
    }


def _class_name(release: ReleaseSettings) -> str:
    return f"recipe-{release.name}"


def _classes_of(release: ReleaseSettings) -> Iterator[dict[str, Any]]:
    """Yield the class of a recipe's nodes, and a class for each of the recipe's boot loaders."""
    name = _class_name(release)
    yield {
        "name": name,
        "option-data": _root_path(release.dhcp),
        "user-context": {"comment": f"recipe {release.name}, cluster {release.cluster}"},
    }
    for loader in release.dhcp.loaders:
        answer = _client_class(loader)
        yield {**answer, "name": f"{loader.name}-of-{release.name}", "test": f"member('{name}') and ({answer['test']})"}


def _options(dhcp: Dhcp) -> list[dict[str, Any]]:
    values = {
        "broadcast-address": str(dhcp.broadcast),
        "routers": str(dhcp.router or ""),
        "domain-name": dhcp.domain,
        "domain-name-servers": ", ".join(map(str, dhcp.dns)),
        "ntp-servers": ", ".join(map(str, dhcp.ntp)),
    }
    return [{"name": name, "data": data} for name, data in values.items() if data]


def _root_path(dhcp: Dhcp) -> list[dict[str, Any]]:
    return [{"name": "root-path", "data": dhcp.root_path}]


def _client_class(loader: Loader) -> dict[str, Any]:
    """The class of a boot loader's clients, with the answer that they get."""
    tests = ["not option[93].exists"] if loader.by_default else []
    tests += [f"option[93].hex == 0x{architecture:04x}" for architecture in loader.architectures]
    answer = {"name": "vendor-class-identifier", "data": loader.vendor_class, "always-send": True}
    return {
        "name": loader.name,
        "test": " or ".join(tests),
        "boot-file-name": loader.file,
        **({"option-data": [answer]} if loader.vendor_class else {}),
    }


def _reservation(reservation: Reservation) -> dict[str, Any]:
    """The reservation of a node, with its name and its menu as options.

    Boot ROMs and GRUB never ask for the menu's option, so it is always sent.  The host name is an option, too, because
    Kea writes that of a reservation ("hostname") in lower case.
    """
    options = {"host-name": reservation.name, MENU: reservation.menu}
    return {
        "hw-address": reservation.mac,
        "ip-address": str(reservation.address),
        "option-data": [{"name": name, "data": data, "always-send": True} for name, data in options.items()],
    }
