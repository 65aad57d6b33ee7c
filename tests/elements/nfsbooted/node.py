"""A node to try nfsbooted on: a tree with the host's programs, booted by our initramfs script in private namespaces.

The mounts, the host name and the leases are real and vanish with the namespaces.  systemd and sshd do not run here:
programs that ask them are replaced in the tree's /usr/sbin.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

PACKAGE = Path(__file__).parents[3] / "elements" / "nfsbooted" / "nfsbooted-package"
MAC = "52:54:00:00:00:01"
LEASE = "DEVICE='eth0'\nIPV4ADDR='192.168.0.101'\nHOSTNAME='ssi9'\n"
NETWORK = f"""\
ip link add eth0 address {MAC} type veth peer name wire
echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad
ip address add 192.168.0.101/24 dev eth0
ip link set wire up
ip link set eth0 up
"""
"""The boot NIC as the initramfs leaves it, on a wire where nobody else is."""

CONF = """\
CLUSTER=MyCluster
ROOT=192.168.0.1:/NFSROOT/base/1.0
KIND=directory
ACCESS=ro
WRITABLE=/var:tmpfs /srv:shared
STATE_DIR=/run/nfsbooted
"""
FSTAB = "tmpfs /var tmpfs mode=0755,size=8m 0 0\n/export /srv none bind 0 0\n"
HOSTS = "127.0.0.1 localhost\n192.168.0.10 no\n192.168.0.101 ssi1.mycluster.home ssi1 # the first\n"
DIRECTORIES = [
    "dev",
    "etc/alternatives",
    "etc/network",
    "etc/nfsbooted",
    "etc/ssh",
    "etc/systemd/system-generators",
    "export",
    "proc",
    "run",
    "srv",
    "sys",
    "usr/sbin",
    "var/lib",
]
STAND_INS = {
    "systemctl": "true",
    "systemd-analyze": "echo Storage=volatile",
    "sshd": "printf 'hostkey /run/nfsbooted/ssh/ssh_host_%s_key\\n' ed25519 ecdsa",
}
SETUP = """
# /dev and /run are covered below, and the tree or the package may lie there.
mount --bind "$tree" /mnt
mount --bind "$package" /media
tree=/mnt package=/media
for directory in /etc/alternatives /usr/bin /usr/lib64 /usr/lib/*-linux-gnu; do
    mkdir -p "$tree$directory"
    mount --bind "$directory" "$tree$directory"
done
mount --bind "$tree/export" "$tree/export"
eval "$spoil"
mount -o remount,bind,ro "$tree"
mount -t tmpfs run /run
echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range
[ -z "$lease" ] || printf %s "$lease" > /run/net-eth0.conf
[ -z "$other" ] || printf "DEVICE='%s'\nIPV4ADDR='10.0.2.15'\nHOSTNAME='guest'\n" "$other" > "/run/net-$other.conf"
mount -t tmpfs sys /sys
mkdir -p /sys/class/net/eth0
echo "$mac" > /sys/class/net/eth0/address
mount -t tmpfs dev /dev
mknod -m 666 /dev/null c 1 3
: > /dev/kmsg
ln -s /proc/self/fd /dev/fd
export rootmnt="$tree"
"$package/usr/share/initramfs-tools/scripts/nfs-bottom/nfsbooted"
for directory in dev proc run sys; do
    mount --bind "/$directory" "$tree/$directory"
done
"""


def masked_path(unit: str) -> str:
    """Where a unit, a wish for one, or a generator is masked in a tree (systemd.unit(5), systemd.generator(7))."""
    return f"etc/systemd/system{'-generators' if unit.endswith('-generator') else ''}/{unit}"


class Node:
    """A tree below `directory` and the lease with which its node boots, over the `network` that a script makes.

    With `other` a second NIC of that name has a lease, too.  `spoil` is a script that is run before, with the tree at
    $tree.
    """

    def __init__(self, directory: Path) -> None:
        self.tree = directory / "tree"
        self.lease = LEASE
        self.network = NETWORK
        self.other = ""
        self.spoil = ""
        for name in DIRECTORIES:
            (self.tree / name).mkdir(parents=True)
        for name in ("bin", "lib", "lib64", "sbin"):
            (self.tree / name).symlink_to(f"usr/{name}")
        shutil.copytree(PACKAGE / "usr/lib/nfsbooted", self.tree / "usr/lib/nfsbooted")
        shutil.copytree(PACKAGE / "usr/share/nfsbooted", self.tree / "usr/share/nfsbooted")
        shutil.copy(PACKAGE / "usr/sbin/nfsbooted", self.tree / "usr/sbin")
        for name, command in STAND_INS.items():
            self.write(f"usr/sbin/{name}", f"#!/bin/sh\n{command}\n").chmod(0o755)
        for line in (PACKAGE / "usr/share/nfsbooted/masked-units").read_text().splitlines():
            mask = self.tree / masked_path(line.split()[0])
            mask.parent.mkdir(parents=True, exist_ok=True)
            mask.symlink_to("/dev/null")
        self.write("etc/machine-id", "")
        self.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        self.write("etc/nfsbooted/nfsbooted.conf", CONF)
        self.write("etc/fstab", FSTAB)
        self.write("etc/hosts", HOSTS)
        self.write("var/lib/from-the-tree", "seed")

    def write(self, path: str, text: str) -> Path:
        """Put a file into the tree."""
        (self.tree / path).write_text(text)
        return self.tree / path

    def boot(self, command: str) -> subprocess.CompletedProcess[str]:
        """Boot the node, run `command` with sh in its tree, and end it."""
        process = self.power_on(command)
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            cut_power(process)
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def power_on(self, command: str) -> subprocess.Popen[str]:
        """Begin what `boot` does, in a session of its own."""
        return subprocess.Popen(
            [
                "unshare",
                "--mount",
                "--uts",
                "--net",
                "sh",
                "-euc",
                f'{self.network}\n{SETUP}\nexec chroot "$tree" sh -c "$command"',
            ],
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "tree": str(self.tree),
                "package": str(PACKAGE),
                "lease": self.lease,
                "other": self.other,
                "spoil": self.spoil,
                "mac": MAC,
                "command": command,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def says(self, command: str) -> str:
        """What `command` prints on the booted node; it must succeed."""
        done = self.boot(command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def cut_power(process: subprocess.Popen[str]) -> None:
    """End a node at once, with all that runs on it."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
