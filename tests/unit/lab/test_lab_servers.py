"""Which programs serve a rack."""

from __future__ import annotations

import pytest

from builder.lab.servers import SCRIPTS, SOCKETS, daemons
from builder.recipe.models import DhcpServer, NfsServer, Recipe, TftpServer


@pytest.mark.parametrize("dhcp", DhcpServer)
@pytest.mark.parametrize("tftp", TftpServer)
def test_every_choice_is_served(kerrighed: Recipe, dhcp: DhcpServer, tftp: TftpServer) -> None:
    """Each role is served by one program, a program that serves in two is started once, and NFS can find rpcbind."""
    choice = {"dhcp": dhcp, "tftp": tftp, "nfs": NfsServer.GANESHA}
    started = daemons(kerrighed.cluster.server.model_copy(update=choice))
    assert sorted(role for daemon in started for role in daemon.roles) == sorted(SOCKETS)
    names = [daemon.name for daemon in started]
    assert len(set(names)) == len(names)
    assert set(names) <= set(SCRIPTS)
    assert names.index("rpcbind") < names.index("nfs-ganesha")
