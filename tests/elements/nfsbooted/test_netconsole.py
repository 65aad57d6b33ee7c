"""A node has its kernel send messages to the log server, by way of the machine that is next on the way there."""

from __future__ import annotations

import pytest
from node import CONF, NETWORK, Node

pytestmark = pytest.mark.container
NETCONSOLE = "/usr/lib/nfsbooted/netconsole"
NEIGHBOURS = """\
ip neighbour add 192.168.0.1 lladdr 52:54:00:00:00:aa dev eth0 nud permanent
ip neighbour add 192.168.0.254 lladdr 52:54:00:00:00:bb dev eth0 nud permanent
ip route add default via 192.168.0.254
"""


@pytest.mark.parametrize(
    ("server", "mac"),
    [
        pytest.param("192.168.0.1", "52:54:00:00:00:aa", id="the cluster's own"),
        pytest.param("10.9.8.7", "52:54:00:00:00:bb", id="behind a router"),
        pytest.param("192.168.0.7", "", id="one that does not answer"),
    ],
)
def test_the_kernel_is_told_where_to_send(node: Node, server: str, mac: str) -> None:
    """The module gets addresses and device; when the next machine is silent, it sends to all machines on the link."""
    node.network = f"{NETWORK}{NEIGHBOURS}"
    node.write("etc/nfsbooted/nfsbooted.conf", f"{CONF}LOG_SERVER={server}\nKERNEL_LOG_PORT=6666\n")
    node.write("usr/sbin/modprobe", '#!/bin/sh\nprintf "%s\\n" "$@"\n').chmod(0o755)
    expected = ["netconsole", f"netconsole=@192.168.0.101/eth0,6666@{server}/{mac}"]
    assert node.says(NETCONSOLE).splitlines() == expected
