"""What a node is when systemd starts."""

from __future__ import annotations

import hashlib

import pytest
from node import HOSTS, LEASE, MAC, NETWORK, Node

pytestmark = pytest.mark.container
STATUS = "cat /run/nfsbooted/status"


@pytest.mark.parametrize(
    ("hosts", "lease", "expected"),
    [
        (HOSTS, LEASE, "ssi1"),
        ("192.168.0.1 ssi0\n", LEASE, "ssi9"),
        ("", LEASE.replace("ssi9", "ssi9.mycluster.home"), "ssi9"),
        ("192.168.0.101 ssi1.mycluster.home\n", LEASE.replace("ssi9", ""), "node-192-168-0-101"),
        ("", LEASE.replace("ssi9", "$(reboot)"), "node-192-168-0-101"),
    ],
    ids=["hosts", "dhcp", "dhcp with domain", "neither", "not a name"],
)
def test_host_name(node: Node, hosts: str, lease: str, expected: str) -> None:
    """A node's name is /etc/hosts' short name of its address, else DHCP's, else made of the address."""
    node.write("etc/hosts", hosts)
    node.lease = lease
    assert node.says("uname -n; cat /run/nfsbooted/hostname").split() == [expected, expected]


OTHER = """\
ip link add {name} type veth peer name elsewhere
ip address add 10.0.2.15/24 dev {name}
ip link set elsewhere up
ip link set {name} up
"""


@pytest.mark.parametrize("name", ["eth1", "another"])
def test_lease_of_another_network(node: Node, name: str) -> None:
    """Of two leases that the initramfs got the node takes that of the NIC which leads to its root, in either order."""
    node.network = NETWORK + OTHER.format(name=name)
    node.other = name
    said = node.says(f"uname -n; {STATUS}; grep Name= /run/systemd/network/10-nfsbooted.link").split()
    assert said[0] == "ssi1"
    assert said[-1] == "OriginalName=eth0"


def test_machine_id(node: Node) -> None:
    """The machine-id is the documented formula over MAC and cluster, and the tree's file stays empty."""
    expected = hashlib.sha256(f"{MAC} mycluster".encode()).hexdigest()[:32]
    assert node.says("cat /etc/machine-id") == f"{expected}\n"
    assert (node.tree / "etc/machine-id").read_text() == ""


def test_boot_nic_keeps_its_name(node: Node) -> None:
    """udev is told that the boot NIC has its name, whatever names other rules would give it."""
    settings = node.says("cat /run/systemd/network/10-nfsbooted.link").splitlines()
    assert "OriginalName=eth0" in settings
    assert not [line for line in settings if line.startswith(("Name=", "NamePolicy="))]


def test_tmpfs_starts_with_the_trees_content(node: Node) -> None:
    """A tmpfs holds what the tree has there, is limited as fstab says, and what is written does not reach the tree."""
    node.tree.joinpath("var").chmod(0o750)
    said = node.says(
        "cat /var/lib/from-the-tree; stat -c ' %a' /var; touch /var/new; grep ' /var ' /proc/mounts; " + STATUS
    )
    assert said.startswith("seed 750\n")
    assert "size=8192k" in said
    assert said.count("\n") == 2
    assert not (node.tree / "var/new").exists()


def test_shared_directory(node: Node) -> None:
    """A shared directory is what fstab mounts there, and what a node writes arrives."""
    assert node.says(f"echo hello > /srv/new; {STATUS}") == ""
    assert (node.tree / "export/new").read_text() == "hello\n"


def test_nothing_stays_mounted(node: Node) -> None:
    """The initramfs finds the tree's /dev, /proc, /run and /sys free to move its own there."""
    said = node.says("cut -d ' ' -f 2 /proc/mounts")
    assert sorted(said.split()).count("/run") == 1
    assert not [line for line in said.split() if line.startswith("/run/")]


def test_failure_does_not_stop_the_boot(node: Node) -> None:
    """A directory that cannot be mounted is recorded and told to the kernel's log; the rest is done."""
    node.write("etc/fstab", "tmpfs /var tmpfs mode=0755 0 0\n")
    said = node.says(f"{STATUS}; cat /dev/kmsg; uname -n; grep -c ' /var ' /proc/mounts")
    record, log, *rest = said.splitlines()
    assert record.startswith("shared directory /srv: mount: ")
    assert log.startswith(f"<3>nfsbooted: failed: {record.rstrip()}")
    assert rest == ["ssi1", "1"]


def test_no_lease(node: Node) -> None:
    """Without a lease the node says so and still mounts its directories."""
    node.lease = ""
    said = node.says(f"{STATUS}; touch /var/new")
    failed = ["lease", "host name", "machine-id", "boot NIC", "MAC address"]
    assert [line.split(":")[0] for line in said.splitlines()] == failed
    assert "/run/net-*.conf" in said


def test_tree_without_nfsbooted(node: Node) -> None:
    """An initramfs that meets a tree without nfsbooted says so and boots it."""
    (node.tree / "usr/lib/nfsbooted/prepare-node").unlink()
    assert "did not run in the tree" in node.says("cat /dev/kmsg")
