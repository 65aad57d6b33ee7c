"""The ports on which a node listens, parsed from /proc/net (proc_net(5))."""

from __future__ import annotations

from collections.abc import Iterator

SOCKETS = 'for table in tcp tcp6 udp udp6; do sed "1d; s/^/$table /" "/proc/net/$table"; done'

LISTEN, UNCONNECTED = "0A", "07"
"""States of a TCP socket that listens and of a UDP socket without a peer (include/net/tcp_states.h in Linux)."""

LOOPBACK = ("0100007F", "00000000000000000000000001000000")
HANDED_OUT = range(32768, 61000)
"""The ports that Linux gives to programs that ask for any port (ip(7), ip_local_port_range)."""


def find_open_ports(tables: str) -> set[str]:
    """Find every port, as `22/tcp`, that other machines can reach; `tables` is the output of SOCKETS.

    A UDP socket at one of the ports that Linux gives to any program does not count.  It belongs to a client that waits
    for an answer, such as systemd-timesyncd: no client could find a service at such a port.
    """
    return set(_find_open_ports(tables))


def _find_open_ports(tables: str) -> Iterator[str]:
    for line in tables.splitlines():
        table, _, local, _, state, *_ = line.split()
        address, _, digits = local.partition(":")
        protocol, port = table.rstrip("6"), int(digits, 16)
        waits = protocol == "udp" and port in HANDED_OUT
        if state in (LISTEN, UNCONNECTED) and address not in LOOPBACK and not waits:
            yield f"{port}/{protocol}"
