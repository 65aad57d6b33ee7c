"""A node that answers as it should, until a test makes it answer something else."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from layouts import layout_of

from builder.lab.checks.identity import HOST_KEYS, MACHINE_ID
from builder.lab.checks.model import Subject
from builder.lab.checks.mounts import MOUNTS
from builder.lab.checks.reboot import BOOT_ID
from builder.lab.checks.reporting import TIMER
from builder.lab.checks.root import TOP_DIRECTORIES
from builder.lab.checks.sockets import SOCKETS
from builder.lab.checks.system import FIRMWARE
from builder.lab.machine.agent import Answer
from builder.lab.released.release import Release, read_release
from builder.lab.released.release_overlay import OverlayFile
from builder.lab.vocabulary.hardware import Firmware
from builder.recipe.choices import Access, RootKind
from builder.recipe.models import Recipe
from builder.release.manifest import FILE, SUMS, Manifest, Package

KERNEL = "6.12.1-amd64"
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIGNvZGUgb2YgYSBrZXkgdGhhdCBpcyBub25lIDEyMzQ1"
KEY_PRINT = "SHA256:M1hMHf0tr7itwq9YpIG2co5Hqk+5n9tYgF40ZWe2cow"
FSTAB = hashlib.sha256(b"proc\n").hexdigest()
OVERLAY = {PurePosixPath("etc/fstab"): OverlayFile(FSTAB, "644")}

LOGGED = "nfsroot-lab warning boot-1\n netconsole: nfsroot-lab: kernel boot-1"

Replies = Mapping[str, Answer | str]


def manifest(recipe: Recipe, *packages: str) -> Manifest:
    """The manifest of release 1.0 of a recipe, with these packages in its tree."""
    return Manifest(
        name=recipe.image.name,
        version="1.0",
        content="c" * 24,
        source_date=0,
        kernel_version=KERNEL,
        server_directory=layout_of(recipe).server_directory,
        recipe=recipe.model_dump(mode="json"),
        tools={},
        steps={},
        files=(),
        packages=tuple(Package(name=name, version="1", architecture="all", source=name) for name in packages),
    )


def release(recipe: Recipe) -> Release:
    """A release of the recipe, of which there are no files."""
    return Release(Path("/nowhere"), manifest(recipe, "nfsbooted", "openssh-server", "rpcbind"), recipe)


def release_of(recipe: Recipe, directory: Path) -> Release:
    """A release of the recipe with nothing in it but its manifest."""
    (directory / FILE).write_text(manifest(recipe).text())
    (directory / SUMS).write_text(f"{'0' * 64}  {FILE}\n")
    return read_release(directory)


def subject(
    recipe: Recipe,
    changes: Replies,
    *,
    firmware: Firmware = Firmware.BIOS,
    unloaded: str = "nothing",
    menus: tuple[str, ...] = ("(nd)/grub/ssi1",),
    ssh_key: Path | None = None,
) -> Subject:
    """The first node of the recipe's cluster.

    `changes` replace answers by how their questions begin; files with `unloaded` in their path it did not load.
    """
    replies = [*changes.items(), *good(recipe, firmware).items()]
    directory = layout_of(recipe).tftp_directory
    loaded = (f"{directory}/vmlinuz-{KERNEL}", f"{directory}/initrd.img-{KERNEL}")

    def answer(question: str) -> Answer:
        found = next(reply for start, reply in replies if question.startswith(start))
        return Answer(0, found) if isinstance(found, str) else found

    def run_on_server(argv: Sequence[str]) -> Answer:
        return answer(" ".join(("server:", *argv)))

    def run_on_network(argv: Sequence[str]) -> Answer:
        return answer(" ".join(("network:", *argv)))

    node = recipe.cluster.nodes[0]
    kept = tuple(file for file in loaded if unloaded not in file)
    server = recipe.cluster.server
    subject = Subject(
        release(recipe), node, firmware, server, answer, run_on_server, menus, kept, OVERLAY, run_on_network
    )
    return replace(subject, ssh_key=ssh_key)


def report_place(recipe: Recipe) -> str:
    """The file on the server with the report of the cluster's first node."""
    node = recipe.cluster.nodes[0]
    return f"/srv/nfsroot/reports/http/{node.address}" if recipe.needs_http else f"/srv/nfsroot/reports/nfs/{node.name}"


def report(recipe: Recipe, **changes: Any) -> dict[str, Any]:
    """The report of the cluster's first node."""
    said = {"schema": 1, "node": recipe.cluster.nodes[0].name, "release": recipe.image.name, "version": "1.0"}
    return {**said, "boot_id": "boot-1", "state": "running", "seconds": 9.42, "failed": [], "time": 1, **changes}


def mounted(recipe: Recipe) -> str:
    """The lines of /proc/mounts about the node's root and its shared directories."""
    export = f"{recipe.cluster.server.address}:{layout_of(recipe).server_directory}"
    nfs = {3: "nfs {},vers=3,hard,nolock,proto=tcp 0 0", 4: "nfs4 {},vers=4.2,hard,proto=tcp 0 0"}
    kind = nfs[recipe.root.nfs_version]
    lines = [f"{export} / {kind.format(recipe.root.access)}"]
    if recipe.root.kind is RootKind.IMAGE:
        layers = "/run/initramfs/nfsroot"
        fetched = f"tmpfs {layers}/export tmpfs ro 0 0"
        lines = [
            f"{export} {layers}/export {kind.format('ro')}" if recipe.needs_nfs else fetched,
            f"/dev/loop0 {layers}/image {recipe.root.format} ro,relatime 0 0",
            f"overlay / overlay rw,relatime,lowerdir={layers}/image,upperdir={layers}/memory/upper 0 0",
        ]
    beside = "" if recipe.root.nfs_version == 3 else ".shared"
    lines += [f"{export}{beside}{path} {path} {kind.format('rw')}" for path in recipe.root.shared]
    state = f"{recipe.cluster.server.address}:{recipe.root.state}"
    places = {"node": f"{state}/nodes/{recipe.cluster.nodes[0].name}", "persistent": f"{state}/all"}
    kept = [directory for directory in recipe.root.writable if directory.kind in places]
    lines += [f"{places[each.kind]}{each.path} {each.path} {kind.format('rw')}" for each in kept]
    return "\n".join(lines)


def good(recipe: Recipe, firmware: Firmware) -> dict[str, Answer | str]:
    """The answers of a node that is as it should be, by how questions begin."""
    cluster, node = recipe.cluster, recipe.cluster.nodes[0]
    read_write = recipe.root.access is Access.READ_WRITE or recipe.root.kind is RootKind.IMAGE
    names = [(cluster.server.name, cluster.server.address), *((each.name, each.address) for each in cluster.nodes)]
    names += [(f"{name}.{cluster.domain}", address) for name, address in names]
    outcome = "taken" if read_write else "refused"
    return {
        "systemctl is-system-running": "running",
        "systemctl list-units --failed": "",
        "mkdir -p /run/lab.tree": "",
        "nfsbooted --check": "ok: host name\nok: machine-id",
        FIRMWARE: str(firmware.by_pxe),
        "cat /sys/kernel/security/lockdown": "none [integrity] confidentiality",
        "uname -r": KERNEL,
        "test -s /lib/modules/": "",
        "date +%s": f"{time.time():.0f}",
        "hostname": node.name,
        MACHINE_ID: "0123456789abcdef0123456789abcdef",
        HOST_KEYS: f"256 {KEY_PRINT} root@{node.name} (ED25519)",
        "server: ssh-keyscan": f"# {node.address}:22 SSH-2.0\n{node.address} ssh-ed25519 {KEY}",
        "cat /proc/cmdline": "root=/dev/nfs session_id=1 node_id=1",
        MOUNTS: f"rootfs / rootfs rw 0 0\n{mounted(recipe)}",
        "file=$(mktemp": "",
        TOP_DIRECTORIES: f"{outcome} /\n{outcome} /etc/\n{outcome} /usr/",
        "for file in": f"{FSTAB} 644:0 /etc/fstab",
        "ip -oneline": f"2: eth0 inet {node.address}/24 brd {cluster.broadcast} scope global eth0",
        "for name in": "\n".join(f"{name} {address} STREAM {name}" for name, address in names),
        SOCKETS: "tcp 0: 00000000:0016 00000000:0000 0A 0\nudp 0: 00000000:006F 00000000:0000 07 0",
        "server: ssh -v": "debug1: Authentications that can continue: publickey",
        "server: sh -": "",
        "umask": "",
        "set -- boot-1": "",
        f"server: cat /var/log/nfsroot/{node.name}.log": LOGGED,
        "umount": "",
        BOOT_ID: "boot-1",
        f"server: cat {report_place(recipe)}": json.dumps(report(recipe)),
        TIMER: "10min 12s",
        "journalctl --boot --no-pager --output=cat": "no report: the server cannot be mounted",
        "server: ssh -o": "boot-1",
        "network: ssh -o": "boot-1",
    }
