"""The events on the rack's network: requests of nodes, and answers of servers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kind of an event on the network."""

    DHCP_DISCOVER = "DHCPDISCOVER"
    DHCP_OFFER = "DHCPOFFER"
    DHCP_REQUEST = "DHCPREQUEST"
    DHCP_ACK = "DHCPACK"
    DHCP_NAK = "DHCPNAK"
    DHCP_MENU = "DHCP option 150"
    TFTP_READ = "TFTP read"
    TFTP_DONE = "TFTP done"
    TFTP_ERROR = "TFTP error"
    HTTP_READ = "HTTP read"
    HTTP_DONE = "HTTP done"
    HTTP_ERROR = "HTTP error"
    PORTMAP = "portmap"
    NFS_CONNECTION = "NFS connection"
    NFS = "NFS"


READ = frozenset({Kind.TFTP_READ, Kind.HTTP_READ})
"""The kinds of events in which a node asks for a file."""

DONE = frozenset({Kind.TFTP_DONE, Kind.HTTP_DONE})
"""The kinds of events in which a node has received a whole file."""


@dataclass(frozen=True)
class WireEvent:
    """An event of node `mac` on the network, at `time` (seconds, time.monotonic()); `text` has the details."""

    time: float
    mac: str
    kind: Kind
    text: str = ""

    def __str__(self) -> str:
        return f"{self.mac} {self.kind} {self.text}".rstrip()
