"""What packages' scripts make by chance is in no release, and each node makes its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Project
from tarball import members, root_tarball
from unpack import unpack

pytestmark = pytest.mark.container

ELEMENTS = ("debian-root", "nfsroot", "initramfs-nfs")
FEW = ("munge", "ssl-cert", "nvme-cli", "postfix")
MANY = """
    acpi-call-dkms apache2 avahi-daemon backuppc bind9 chrony cockpit corosync courier-base
    default-jre-headless dovecot-core ejabberd freeradius heimdal-kdc isc-dhcp-server linux-headers-cloud-amd64
    mariadb-server mosquitto munge nsd nut-server nvme-cli open-iscsi opendkim openssh-server openssl openvpn
    popularity-contest postfix postgresql prosody puppet-agent rabbitmq-server redis-server samba sasl2-bin
    slapd slurmctld slurmd snmpd ssl-cert stunnel4 strongswan tinc tor unbound uuid-runtime wide-dhcpv6-client
    wireguard-tools xrdp
"""
HOOK = """\
#!/bin/bash
set -euo pipefail
mkdir /etc/frob
openssl genpkey -algorithm ed25519 -out /etc/frob/server.key
touch --date=1960-01-01 $'/opt/bad\\xff\\nname'
echo 192.0.2.7 printer > /etc/hosts
"""
KEY = "etc/ssl/private/ssl-cert-snakeoil.key"
CERTIFICATE = "etc/ssl/certs/ssl-cert-snakeoil.pem"
ON_A_NODE = f"""\
mount -t tmpfs tmpfs run
echo 0123456789abcdef0123456789abcdef > etc/machine-id
chroot . /usr/lib/nfsroot/node-secrets
openssl x509 -in {CERTIFICATE} -noout -pubkey > "$1"/certificate
openssl pkey -in {KEY} -pubout > "$1"/key
chroot . stat --format='%a %G' /{KEY} > "$1"/mode
cat etc/nvme/hostid > "$1"/hostid

"""


def rebuilt(made: Project) -> list[str]:
    """The files of a release that another build of its tree, on the same base, makes different."""
    first = made.directory / "first"
    made.release.rename(first)
    for tree in made.cache.glob("objects/tree-*"):
        shutil.rmtree(tree)
    done = made.build()
    assert done.status == 0, done.errors
    assert "tree" in done.started
    old, new = ({path: member for path, member in members(root_tarball(each))} for each in (first, made.release))
    return [path for path in old.keys() | new.keys() if old.get(path) != new.get(path)]


def test_secrets(project: Callable[..., Project], tmp_path: Path) -> None:
    """Keys that packages make go, with a caution where nothing makes them anew; the tree is the same bytes twice.

    A node makes its own, and the tree's files stay empty.
    """
    made = project("base")
    made.tiny(packages=FEW)
    done = made.build()
    assert done.status == 0, done.errors
    assert any("munge.key" in event.get("text", "") for event in done.events if event["event"] == "Caution")
    assert rebuilt(made) == []

    root = tmp_path / "root"
    root.mkdir()
    unpack(made.release, root)
    assert not (root / "etc/munge/munge.key").exists()
    assert [(root / path).read_bytes() for path in (KEY, CERTIFICATE, "etc/aliases.db", "etc/nvme/hostid")] == [b""] * 4
    seen = []
    for number in ("first", "second"):
        node = tmp_path / number
        node.mkdir()
        command = ["unshare", "--mount", "--uts", "sh", "-euc", ON_A_NODE, "sh", node]
        subprocess.run(command, cwd=root, check=True)
        assert (node / "certificate").read_text() == (node / "key").read_text() != ""
        assert (node / "mode").read_text() == "640 ssl-cert\n"
        seen.append(((node / "key").read_text(), (node / "hostid").read_text()))
    assert seen[0][0] != seen[1][0], "each boot makes a key of its own"
    assert seen[0][1] == seen[1][1] != "", "the identity follows from the machine-id"
    assert (root / KEY).read_bytes() == b""


def test_secret_of_a_hook(project: Callable[..., Project]) -> None:
    """A private key that a hook makes stops the build with its path and the way out; one that is named stays.

    So does a file with an odd name and time; what the hook wrote to a file of the overlay does not, which is said.
    """
    made = project("base")
    element = made.directory / "elements/frob"
    (element / "install.d").mkdir(parents=True)
    (element / "element.toml").write_text('description = "Makes a key"\n')
    hook = element / "install.d/50-frob"
    hook.write_text(HOOK)
    hook.chmod(0o755)
    made.tiny(elements=(*ELEMENTS, "frob"), packages=["openssl"])
    message = made.build().refusal()
    assert message.startswith("nfsroot: the tree holds 1 secret that no package ships\n")
    assert "/etc/frob/server.key: a private key (PEM)" in message
    assert "secrets" in message and "element.toml" in message

    (element / "element.toml").write_text('description = "Makes a key"\nsecrets = ["/etc/frob/server.key"]\n')
    done = made.build()
    assert done.status == 0, done.errors
    entries = dict(members(root_tarball(made.release)))
    assert "etc/frob/server.key" in entries
    assert entries["opt/bad\udcff\nname"].mtime == 0
    assert any("frob (install.d/50-frob) wrote to /etc/hosts" in event.get("text", "") for event in done.events)


@pytest.mark.full
def test_many_packages_that_make_keys(project: Callable[..., Project]) -> None:
    """A tree of some fifty packages that make keys, databases and identities is the same bytes twice."""
    made = project("base")
    made.tiny(packages=MANY.split())
    done = made.build()
    assert done.status == 0, done.errors
    assert rebuilt(made) == []
