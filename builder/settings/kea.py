"""Configuration of Kea's DHCPv4 server (Kea Administrator Reference Manual, "The DHCPv4 Server")."""

from __future__ import annotations

import json
from typing import Any

from builder.settings.dhcp import MENU_OPTION, Dhcp, Loader, Reservation

MENU = "grub-menu"
PATIENCE = {"service-sockets-max-retries": 720, "service-sockets-retry-wait-time": 5000}
"""Kea opens no socket on an interface without link or address, as when server and switch get their power at once: then
it tries again for an hour.  The wait is in milliseconds."""


def render(dhcp: Dhcp, header: str) -> str:
    """The text of kea-dhcp4.conf: JSON below `header`, a comment of lines that begin with #."""
    settings = ",\n".join(f'  "{name}": {_json(value)}' for name, value in _dhcp4(dhcp).items())
    return f'{header}\n# Check it with: kea-dhcp4 -t FILE\n\n{{ "Dhcp4": {{\n{settings}\n}} }}\n'


def _json(value: object) -> str:
    """A value as JSON, each thing of a list on a line of its own, as the other servers have a line for each node."""
    if isinstance(value, list):
        return "[\n" + ",\n".join(f"    {json.dumps(item)}" for item in value) + "\n  ]"
    return json.dumps(value)


def _dhcp4(dhcp: Dhcp) -> dict[str, Any]:
    """Reservations are global and looked up early, so that the class DROP can hold whoever has none.

    A boot ROM, GRUB and the initramfs name one node by three client identifiers: its MAC address alone counts.
    Every address is reserved, so that no lease has to outlive the server.
    """
    return {
        "interfaces-config": {"interfaces": [dhcp.interface or "*"], **PATIENCE},
        "lease-database": {"type": "memfile", "persist": False},
        "host-reservation-identifiers": ["hw-address"],
        "match-client-id": False,
        "early-global-reservations-lookup": True,
        "reservations-global": True,
        "reservations-in-subnet": False,
        "next-server": str(dhcp.server),
        "option-def": [{"name": MENU, "code": MENU_OPTION, "type": "string"}],
        "option-data": _options(dhcp),
        "client-classes": [{"name": "DROP", "test": "not member('KNOWN')"}, *map(_client_class, dhcp.loaders)],
        "subnet4": [{"id": 1, "subnet": str(dhcp.subnet)}],
        "reservations": list(map(_reservation, dhcp.reservations)),
    }


def _options(dhcp: Dhcp) -> list[dict[str, Any]]:
    values = {
        "broadcast-address": str(dhcp.broadcast),
        "routers": str(dhcp.router or ""),
        "domain-name": dhcp.domain,
        "domain-name-servers": ", ".join(map(str, dhcp.dns)),
        "ntp-servers": ", ".join(map(str, dhcp.ntp)),
        "root-path": dhcp.root_path,
    }
    return [{"name": name, "data": data} for name, data in values.items() if data]


def _client_class(loader: Loader) -> dict[str, Any]:
    """What clients of these architectures are told."""
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
    """Boot ROMs and GRUB never ask for the menu's option, so it is always sent.

    The host name is an option, too, because Kea writes that of a reservation ("hostname") in lower case.
    """
    options = {"host-name": reservation.name, MENU: reservation.menu}
    return {
        "hw-address": reservation.mac,
        "ip-address": str(reservation.address),
        "option-data": [{"name": name, "data": data, "always-send": True} for name, data in options.items()],
    }
