"""nfsbooted --check tells the truth about a node."""

from __future__ import annotations

import pytest
from node import CONF, MAC, Node, masked_path

pytestmark = pytest.mark.container
BOOTED = "/usr/lib/nfsbooted/ssh-host-keys"


def failures(node: Node, command: str = BOOTED) -> dict[str, str]:
    """Why each duty failed, after `command`; a duty that is neither ok nor failed is an error."""
    done = node.boot(f"{command}; nfsbooted --check")
    failed = {}
    for line in done.stdout.splitlines():
        state, duty, *why = line.split(": ", 2)
        assert state in ("ok", "failed"), line
        if state == "failed":
            failed[duty] = "".join(why)
    assert done.returncode == (1 if failed else 0), done.stderr
    assert not done.stderr
    return failed


# No node of these tests has its root, or a directory, on a real NFS server, nor its kernel's modules.
ELSEWHERE = {"root is the server's, ro", "/srv is writable, shared", "kernel finds its modules"}


def test_healthy_node(node: Node) -> None:
    """On a healthy node only those duties fail that need an NFS server and a kernel."""
    failed = failures(node)
    assert failed.keys() == ELSEWHERE
    assert "should be '192.168.0.1:/NFSROOT/base/1.0'" in failed["root is the server's, ro"]
    assert failed["kernel finds its modules"].startswith("there is no /lib/modules/")


def test_node_of_an_image_without_one(node: Node) -> None:
    """A node whose root ought to be an image is told that it is none, and what is mounted where it should be."""
    node.write("etc/nfsbooted/nfsbooted.conf", CONF.replace("KIND=directory", "KIND=image"))
    failed = failures(node)
    own = {"root is an image beneath the node's memory", "image is the server's, ro"}
    assert failed.keys() == ELSEWHERE - {"root is the server's, ro"} | own
    assert failed["root is an image beneath the node's memory"] == "/run/initramfs/nfsroot/image is mounted as '' "


@pytest.mark.parametrize(
    "manages",
    [
        "true",
        "ip address change 192.168.0.101/24 dev eth0 valid_lft 600 preferred_lft 600",
        "ip address add 10.0.2.15/24 dev wire; ip route add default via 10.0.2.2 dev wire",
        "ip address add 169.254.7.7/16 dev eth0",
    ],
    ids=["left alone", "with a lease of its own", "another NIC's, too", "an address of the link beside"],
)
def test_whoever_manages_the_network(node: Node, manages: str) -> None:
    """Where services manage networks, a node is healthy while its boot NIC has the address and leads to the root."""
    node.write("etc/network/interfaces", "iface eth0 inet manual\n")
    assert failures(node, f"{BOOTED}; {manages}").keys() == ELSEWHERE


@pytest.mark.parametrize(
    ("harm", "duty", "why"),
    [
        ("echo 'machine-id: x' > /run/nfsbooted/status", "everything worked at boot", "machine-id: x"),
        ("rm /run/nfsbooted/status", "everything worked at boot", "did not run nfsbooted"),
        ("hostname other", "host name is the node's own", "it is 'other', should be 'ssi1'"),
        ("echo 12 > /run/nfsbooted/machine-id", "machine-id is the node's own", "it is '12'"),
        ("umount /etc/machine-id", "machine-id is not in the tree", "nothing is mounted"),
        ("mount -o remount,bind,ro /var", "/var is writable, tmpfs", "Read-only"),
        ("umount /var", "/var is writable, tmpfs", "it is mounted as ''"),
        ("mount -o remount,bind,rw /", "/etc refuses writes", "can write to /etc"),
        (
            "rm /run/nfsbooted/ssh/ssh_host_ecdsa_key",
            "ssh host keys are the node's own",
            "there is no /run/nfsbooted/ssh/ssh_host_ecdsa_key",
        ),
        ("chmod 755 /run/nfsbooted/ssi1/ssh", "ssh host keys are the node's own", "'755:0', should be '700:0'"),
        ("echo 1 0 > /proc/sys/net/ipv4/ping_group_range", "anybody may ping", "'1 0'"),
        ("ip address flush dev eth0", "boot NIC has the node's address", "eth0 has '', should have '192.168.0.101'"),
        (
            "ip address flush dev eth0; ip address add 192.168.0.10/24 dev eth0",
            "boot NIC has the node's address",
            "eth0 has '192.168.0.10/24'",
        ),
        ("ip route add 192.168.0.1 dev wire", "boot NIC has the node's address", "server is 'wire', should be 'eth0'"),
        ("mkdir -p /var/log/journal/$(cat /etc/machine-id)", "journal is volatile", "/var/log/journal"),
    ],
)
def test_harm_is_seen(node: Node, harm: str, duty: str, why: str) -> None:
    """Each duty that is undone on a booted node is reported, with the reason."""
    failed = failures(node, f"{BOOTED}; {harm}")
    assert why in failed[duty]


@pytest.mark.parametrize(
    ("path", "text", "duty", "why"),
    [
        ("etc/machine-id", "0123456789abcdef0123456789abcdef\n", "machine-id is not in the tree", "not empty"),
        ("etc/ssh/ssh_host_rsa_key", "key", "ssh host keys are the node's own", "shared by all nodes"),
        ("usr/sbin/sshd", "echo hostkey /etc/ssh/x", "ssh host keys are the node's own", "sshd does not use /run"),
        ("usr/sbin/systemd-analyze", "echo Storage=auto", "journal is volatile", "'auto', should be 'volatile'"),
        ("usr/sbin/sshd", "echo no keys >&2; exit 255", "ssh host keys are the node's own", "no keys"),
        ("etc/network/interfaces", "auto lo eth0\n", "ifupdown leaves the boot NIC alone", "auto lo eth0"),
    ],
)
def test_wrong_tree_is_seen(node: Node, path: str, text: str, duty: str, why: str) -> None:
    """A tree that holds what is not every node's is reported."""
    if path.startswith("usr/sbin/"):
        text = f"#!/bin/sh\n{text}\n"
    node.write(path, text)
    assert why in failures(node)[duty]


WIRE = """\
ip link add eth0 address {mac} type veth peer name other address {other}
echo 0 > /proc/sys/net/ipv6/conf/other/accept_dad
ip link set other up
ip address add 192.168.0.101/24 dev eth0
ip link set eth0 up
sleep {seconds}
"""
"""The other machine was there before, and has its address: it asks nobody."""


@pytest.mark.parametrize("seconds", [0, 3], ids=["while the kernel asks", "when it has asked"])
def test_another_machine_with_the_mac_address(node: Node, seconds: int) -> None:
    """A node whose MAC address another machine on the wire has says so at boot and when it is checked."""
    node.network = WIRE.format(mac=MAC, other=MAC, seconds=seconds)
    failed = failures(node)
    why = f"another machine on this network has {MAC} too"
    assert failed["MAC address is the node's own"].strip() == why
    assert f"MAC address: {why}" in failed["everything worked at boot"]


def test_a_mac_address_of_its_own(node: Node) -> None:
    """Another machine with another MAC address is no concern of the node's."""
    node.network = WIRE.format(mac=MAC, other="52:54:00:00:00:02", seconds=0)
    assert failures(node).keys() == ELSEWHERE


def test_usage(node: Node) -> None:
    """Anything but --check is refused with the usage and status 2."""
    done = node.boot("nfsbooted --chek")
    assert (done.returncode, done.stderr) == (2, "usage: nfsbooted --check\n")


@pytest.mark.parametrize(
    "unit", ["apt-daily.timer", "sysinit.target.wants/sys-kernel-config.mount", "systemd-ssh-generator"]
)
@pytest.mark.parametrize("instead", ["nothing", "a file", "a link to a file", "a link to nothing"])
def test_units_that_are_not_masked(node: Node, unit: str, instead: str) -> None:
    """A unit, a wish for one, or a generator that is no link to /dev/null is reported, with the reason for its mask."""
    mask = node.tree / masked_path(unit)
    mask.unlink()
    if instead == "a file":
        mask.write_text("")
    elif "link" in instead:
        mask.symlink_to("/etc/hosts" if instead == "a link to a file" else "/dev/nothing")
    failed = failures(node)
    assert failed.keys() == {*ELSEWHERE, "units without a place here are masked"}
    assert f"/{masked_path(unit)} is no link to /dev/null (" in failed["units without a place here are masked"]
