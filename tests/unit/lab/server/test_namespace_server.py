"""Which programs serve a rack."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from builder.lab.machine.namespace import Namespace
from builder.lab.server import namespace_server
from builder.lab.server.namespace_server import SCRIPTS, SOCKETS, Daemon, list_daemons
from builder.recipe.choices import DhcpServer, NfsServer, TftpServer, Transport
from builder.recipe.models import Recipe


@pytest.mark.parametrize("dhcp", DhcpServer)
@pytest.mark.parametrize("tftp", TftpServer)
def test_every_choice_is_served(kerrighed: Recipe, dhcp: DhcpServer, tftp: TftpServer) -> None:
    """Each role is served by one program, a program that serves in two is started once, and NFS can find rpcbind."""
    choice = {"dhcp": dhcp, "tftp": tftp, "nfs": NfsServer.GANESHA}
    started = list_daemons(kerrighed, kerrighed.cluster.server.model_copy(update=choice))
    assert {role for daemon in started for role in daemon.roles} == set(SOCKETS) - {"http", "logs"}
    names = [daemon.name for daemon in started]
    assert len(set(names)) == len(names)
    assert set(names) <= set(SCRIPTS)
    assert names.index("rpcbind") < names.index("nfs-ganesha")


def test_http_is_served_where_the_recipe_needs_it(kerrighed: Recipe) -> None:
    """A recipe whose kernel comes over HTTP has nginx started beside the others; another recipe has not."""
    boot = kerrighed.boot.model_copy(update={"transport": Transport.HTTP})
    server = kerrighed.cluster.server.model_copy(update={"nfs": NfsServer.GANESHA})
    over_http = list_daemons(kerrighed.model_copy(update={"boot": boot}), server)
    assert set(over_http) - set(list_daemons(kerrighed, server)) == {Daemon("nginx", ("http",))}


def test_nfs_version_4_needs_no_rpcbind(kerrighed: Recipe) -> None:
    """Where nodes speak NFSv4 there is no rpcbind on the server."""
    server = kerrighed.cluster.server.model_copy(update={"nfs": NfsServer.GANESHA})
    version_4 = kerrighed.model_copy(update={"root": kerrighed.root.model_copy(update={"nfs_version": 4})})
    assert set(list_daemons(kerrighed, server)) - set(list_daemons(version_4, server)) == {Daemon("rpcbind", ("rpc",))}


@pytest.mark.parametrize(("protocol", "kind"), [("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)])
def test_only_who_takes_newcomers_serves(
    protocol: str, kind: socket.SocketKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server is there while it listens; connections that outlive it are no server."""
    here = Namespace(os.getpid())
    with socket.socket(socket.AF_INET, kind) as server, socket.socket(socket.AF_INET, kind) as client:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        monkeypatch.setitem(namespace_server.SOCKETS, "nfs", (protocol, port))
        if kind is socket.SOCK_DGRAM:
            assert namespace_server._has_socket(here, "nfs")
            return
        assert not namespace_server._has_socket(here, "nfs")
        server.listen()
        assert namespace_server._has_socket(here, "nfs")
        client.connect(("127.0.0.1", port))
        accepted, _ = server.accept()
        server.close()
        with accepted:
            assert not namespace_server._has_socket(here, "nfs")
            table = Path("/proc/self/net/tcp").read_text().splitlines()
            assert any(line.split()[1].endswith(f":{port:04X}") for line in table[1:]), "the connection is there"
