"""Limits of a server that is asked by many nodes."""

from __future__ import annotations

import random
import subprocess

import pytest
from layouts import layout_of
from server_recipes import texts, with_cluster, with_http, with_nodes

from builder.recipe.models import Recipe
from builder.server.bundle import render, settings
from builder.settings.programs import NFS_CONF, unit_settings
from builder.settings.sizes import DEFAULT_NODES, SYSCTL_CONF, sizes


def test_debians_defaults_do_for_few_nodes(debian: Recipe) -> None:
    """Up to 64 nodes no limit of the kernel and of NFS is touched; with one node more each is there."""
    for nodes, there in ((1, False), (DEFAULT_NODES, False), (DEFAULT_NODES + 1, True)):
        files = texts(settings(layout_of(with_nodes(debian, nodes))))
        assert (SYSCTL_CONF in files, NFS_CONF in files) == (there, there)
        assert ("TasksMax=" in files[unit_settings("tftpd-hpa")]) is there
        assert ("RPC_Max_Connections" in files["etc/ganesha/ganesha.conf"]) is there


def test_a_thousand_nodes(debian: Recipe) -> None:
    """The table of neighbours holds them all, and so do the limits of every server."""
    files = texts(settings(layout_of(with_nodes(with_http(debian), 1000))))
    for line in ("gc_thresh1 = 2048", "gc_thresh2 = 4096", "gc_thresh3 = 8192"):
        assert f"net.ipv4.neigh.default.{line}\n" in files[SYSCTL_CONF]
    assert "net.core.rmem_default = 2359296\n" in files[SYSCTL_CONF]
    assert "[nfsd]\nthreads = 128\n" in files[NFS_CONF]
    assert "    RPC_Max_Connections = 4096;\n" in files["etc/ganesha/ganesha.conf"]
    assert "dhcp-lease-max=2048\n" in files["etc/dnsmasq.d/nfsroot-dhcp.conf"]
    assert "tftp-max=1074\n" in files["etc/dnsmasq.d/nfsroot-tftp.conf"]
    assert "TasksMax=2148\n" in files[unit_settings("tftpd-hpa")]
    for service in ("nginx", "dnsmasq"):
        assert "LimitNOFILE=4096\n" in files[unit_settings(service)]


def test_limits_carry_every_number_of_nodes() -> None:
    """Numbers drawn by a seed: each limit has room for all nodes and stays within what its program takes."""
    draw = random.Random(34)
    for nodes in (*range(1, 200), *(draw.randrange(200, 20_000) for _ in range(500))):
        found = sizes(nodes)
        assert found.nodes >= nodes
        assert found.neighbours[0] > nodes
        assert sorted(found.neighbours) == list(found.neighbours)
        assert (found.nfs_threads + 3) * 20 >= 2 * nodes
        assert min(found.nfs_connections, 10_000) >= min(2 * nodes, 10_000)
        assert min(found.http_connections, found.tftp_transfers, found.leases, found.files // 2) > nodes


def test_a_node_more_seldom_changes_a_limit() -> None:
    """Up to 16,384 nodes there are nine sets of limits, so that few additions restart a server."""
    assert len({sizes(nodes) for nodes in range(1, (1 << 14) + 1)}) == 9


@pytest.mark.parametrize("http", [False, True])
def test_install_sh_is_sound_for_many_nodes(debian: Recipe, *, http: bool) -> None:
    """shellcheck minds nothing in what sets the limits."""
    recipe = with_nodes(with_http(debian) if http else debian, 200)
    (script,) = [file for file in render(layout_of(with_cluster(recipe))) if file.path == "install.sh"]
    checked = subprocess.run(["shellcheck", "--shell=sh", "-"], input=script.content, capture_output=True)
    assert checked.returncode == 0, checked.stdout.decode()
