"""What DHCP says to the nodes of one release's cluster, as data that every DHCP server's settings are rendered from."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

MENU_OPTION = 150
"""The option that names a node's GRUB menu ("GRUB configuration path name" in IANA's list of DHCP options)."""


class Loader(NamedTuple):
    """The boot loader of a class of clients: those of these architectures (option 93, RFC 4578 section 2.1).

    `by_default` adds those that name no architecture.  `file` is its path below the TFTP server's directory, or its
    URL; `vendor_class` is what the answer has to say in option 60, if anything.
    """

    name: str
    file: str
    architectures: tuple[int, ...]
    by_default: bool = False
    vendor_class: str = ""


class Reservation(NamedTuple):
    """What one node alone is told; `menu` is its GRUB menu as GRUB legacy writes paths."""

    name: str
    mac: str
    address: IPv4Address
    menu: str

    @classmethod
    def of_node(cls, name: str, mac: str, address: IPv4Address) -> Reservation:
        """The reservation of a node, whose menu has the node's name."""
        return cls(name, mac, address, f"(nd)/grub/{name}")


@dataclass(frozen=True)
class Dhcp:
    """Everything that DHCP says.  A machine that has no reservation is not answered.

    `server` is the machine that answers and serves the boot loaders; it does so at `interface`, or where it has
    its address when that is empty.
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
