"""The DHCP data of one release's cluster, from which the settings of every DHCP server are rendered."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

MENU_OPTION = 150
"""The DHCP option with a node's GRUB menu ("GRUB configuration path name" in IANA's list of DHCP options)."""


class Loader(NamedTuple):
    """The boot loader of the clients of some architectures (option 93, RFC 4578 section 2.1).

    `by_default` adds clients that name no architecture.  `file` is the boot loader's path below the TFTP server's
    directory, or its URL; `vendor_class` is the text of option 60 in the answer, empty where the answer has none.
    """

    name: str
    file: str
    architectures: tuple[int, ...]
    by_default: bool = False
    vendor_class: str = ""


class Reservation(NamedTuple):
    """The name, address and GRUB menu that DHCP gives to one node; `menu` is a path as GRUB legacy writes it."""

    name: str
    mac: str
    address: IPv4Address
    menu: str

    @classmethod
    def of_node(cls, name: str, mac: str, address: IPv4Address) -> Reservation:
        """The reservation of a node, whose menu has the node's name."""
        return cls(name, mac, address, f"(nd)/grub/{name}")


class Dhcp(NamedTuple):
    """All DHCP data of a cluster; a machine that has no reservation gets no answer.

    `server` is the machine that answers and serves the boot loaders.  It answers at `interface`, or, where that is
    empty, at the interface that has its address.
    """

    server: IPv4Address
    interface: str
    subnet: IPv4Network
    broadcast: IPv4Address
    router: IPv4Address | None
    domain: str
    dns: tuple[IPv4Address, ...]
    ntp: tuple[IPv4Address, ...]
    root_path: str
    loaders: tuple[Loader, ...]
    reservations: tuple[Reservation, ...]
