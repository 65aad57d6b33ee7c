"""Every node has ssh host keys of its own."""

from __future__ import annotations

import pytest
from node import CONF, Node

pytestmark = pytest.mark.container
MAKE = "/usr/lib/nfsbooted/ssh-host-keys"


def test_keys_are_the_nodes_own(node: Node) -> None:
    """Keys are in a directory of the node's name that only root can enter, and sshd's path leads there."""
    said = node.says(f"{MAKE}; cd /run/nfsbooted; readlink ssh; stat -c %a ssi1 ssi1/ssh; ls ssh/")
    assert said.split() == [
        "/run/nfsbooted/ssi1/ssh",
        "700",
        "700",
        *(f"ssh_host_{type}_key{suffix}" for type in ("ecdsa", "ed25519") for suffix in ("", ".pub")),
    ]
    assert list((node.tree / "etc/ssh").iterdir()) == []


def test_keys_on_the_server_stay(node: Node) -> None:
    """Where the state directory is on the server, a node has the same keys after a reboot; half a key is replaced."""
    node.write("etc/nfsbooted/nfsbooted.conf", CONF.replace("STATE_DIR=/run", "STATE_DIR=/srv"))
    node.says(MAKE)
    keys = node.tree / "export/nfsbooted/ssi1/ssh"
    before = {file.name: file.read_bytes() for file in keys.iterdir()}
    (keys / "ssh_host_ecdsa_key").write_bytes(before["ssh_host_ecdsa_key"][:100])
    node.says(MAKE)
    after = {file.name: file.read_bytes() for file in keys.iterdir()}
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {"ssh_host_ecdsa_key", "ssh_host_ecdsa_key.pub"}


def test_no_name_no_keys(node: Node) -> None:
    """A node without a name makes no keys that another nameless node would share."""
    node.lease = ""
    assert node.says(f"{MAKE} || ls /run/nfsbooted").split() == ["status"]
