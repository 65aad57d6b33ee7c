"""Messages of DHCP (RFC 2131 and 2132)."""

from __future__ import annotations

from collections.abc import Iterator

from builder.lab.wire.event import Kind
from builder.settings.dhcp import MENU_OPTION

VENDOR_CLASS, MESSAGE_TYPE, END, PAD = 60, 53, 255, 0
BOOTP_OPTIONS = 240
"""The offset of the options in a message, in bytes."""

TYPES = {
    1: Kind.DHCP_DISCOVER,
    2: Kind.DHCP_OFFER,
    3: Kind.DHCP_REQUEST,
    5: Kind.DHCP_ACK,
    6: Kind.DHCP_NAK,
}


def parse_dhcp(message: bytes) -> Iterator[tuple[str, Kind, str]]:
    """Yield the node, kind and text of each event that a DHCP message shows.

    The text is the vendor class in a request, and the node's address in a reply.  An acknowledgement with the option
    that names a GRUB menu shows a second event, whose text is the menu.
    """
    if len(message) < BOOTP_OPTIONS:
        return
    options = dict(_parse_options(message[BOOTP_OPTIONS:]))
    kind = TYPES.get(int.from_bytes(options.get(MESSAGE_TYPE, b"\0"), "big"))
    if kind is None:
        return
    mac = message[28:34].hex(":")
    if kind in (Kind.DHCP_DISCOVER, Kind.DHCP_REQUEST):
        yield mac, kind, options.get(VENDOR_CLASS, b"").decode(errors="replace")
    else:
        yield mac, kind, ".".join(map(str, message[16:20]))
    if kind is Kind.DHCP_ACK and MENU_OPTION in options:
        yield mac, Kind.DHCP_MENU, options[MENU_OPTION].decode(errors="replace")


def _parse_options(field: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 1 < len(field) and field[at] != END:
        if field[at] == PAD:
            at += 1
            continue
        yield field[at], field[at + 2 : at + 2 + field[at + 1]]
        at += 2 + field[at + 1]
