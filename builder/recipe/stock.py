"""diskimage-builder's own elements: their directory, and those that cannot go into a tree of diskless nodes.

docs/reference/stock-elements.md has a row for each element; tests compare that table and this module with the installed
elements.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

_ANOTHER_TREE = "it makes a tree of its own; element debian-root makes the tree, of the suite in [debian]"
_ANOTHER_DISTRIBUTION = "it serves another distribution than Debian"
_DISK = "it sets up a disk, a partition or a boot loader on a disk; nodes have none, and boot by pxegrub"
_DEPLOYING = "it belongs into an initramfs that writes to disks; that of nodes mounts a root on the server"
_BOOT_NIC = "it asks DHCP again for every interface, and a node whose boot NIC loses its address loses its root"
_HOST_FILE = "it copies files of the machine that builds, and a build sees none of them; put them into an element"
_DOWNLOAD = "it installs what it downloads while the tree is made, which no lock file or package list pins"
_UPDATE = "it upgrades packages on a running node, whose root is read-only or belongs to all nodes; build a new release"
_INTERFACE_NAMES = "it renames network interfaces at boot, and a node has its root by one of them"

_REASONS: Mapping[str, str] = {
    _ANOTHER_TREE: """
        almalinux-container centos centos-minimal containerfile debian debian-minimal debian-systemd debian-upstart
        docker fedora fedora-container fedora-minimal gentoo openeuler-minimal opensuse opensuse-minimal rhel
        rocky-container ubuntu ubuntu-minimal ubuntu-signed ubuntu-systemd-container""",
    _ANOTHER_DISTRIBUTION: """
        disable-selinux elrepo fips mellanox nm-dhcp-ib-interfaces oat-client rax-nova-agent redhat-common rhel-common
        rpm-distro selinux-fixfiles-restore selinux-permissive ubuntu-common yum yum-minimal zypper zypper-minimal""",
    _DISK: """
        baremetal block-device-efi block-device-efi-4k block-device-efi-lvm block-device-gpt block-device-mbr bootloader
        cleanup-kernel-initrd cloud-init-growpart growroot growvols grub2 hpdsa ibft-interfaces iscsi-boot iso lvm
        replace-partition replace-partition-redhat select-boot-kernel-initrd uboot vm zipl""",
    _DEPLOYING: """
        deploy-baremetal deploy-kexec deploy-targetcli deploy-tgtadm dracut-network dracut-ramdisk dracut-regenerate
        hwburnin hwdiscovery ilo ramdisk ramdisk-base""",
    _BOOT_NIC: "dhcp-all-interfaces simple-init",
    _HOST_FILE: "local-config openstack-ci-mirrors pip-cache pypi",
    _DOWNLOAD: "keylime-agent proliant-tools python-brickclient python-stow-versions tpm-emulator",
    _UPDATE: "autoupdates",
    _INTERFACE_NAMES: "stable-interface-names",
}

REFUSED: Mapping[str, str] = {name: reason for reason, names in _REASONS.items() for name in names.split()}
"""The reasons why elements of diskimage-builder are refused, by element."""


REFUSED_VARIABLES: Mapping[str, str] = {
    "DIB_DEV_USER_PASSWORD": "chpasswd(8) draws a salt for it, so that no two builds would give the same bytes",
}
"""The reasons why variables of diskimage-builder's elements are refused, by variable."""


def find_directory() -> Path | None:
    """The directory of the installed diskimage-builder's elements."""
    spec = find_spec("diskimage_builder")  # importing it would take longer than reading a recipe
    return Path(spec.origin).parent / "elements" if spec and spec.origin else None


def explain_refusal(name: str, element: Path) -> str:
    """The reason why the element in directory `element` cannot be part of a tree; empty when it can.

    An element of the user is judged by its files, since it may have the name of one of diskimage-builder's.
    """
    if element.parent == find_directory():
        return REFUSED.get(name, "")
    if (element / "block-device-default.yaml").exists():
        return _DISK
    return _DEPLOYING if (element / "binary-deps.d").is_dir() else ""
