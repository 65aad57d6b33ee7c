"""Node ssi1 boots by UEFI too, and with Secure Boot enforced; DHCP tells each its loader by option 93.

Where Secure Boot is enforced, the root comes by NFSv4.
"""

from __future__ import annotations

import shlex

import pytest
from first_boot import EVERY_CHECK, WITHOUT_KEYS, Boot, assert_fell_back, reasons
from kernel_line import by_kernel, by_loader

from builder.boot.arguments import grub2_words
from builder.lab.vocabulary.phase import Phase
from builder.recipe.choices import WritableKind
from builder.release.manifest import Lab

pytestmark = pytest.mark.boot


def test_uefi_boots_by_our_own_grub(uefi_boot: Boot) -> None:
    """A recipe that names x86_64-efi has its UEFI nodes load pxegrub.efi, and they pass every check."""
    assert uefi_boot.wrong == []
    assert uefi_boot.node.loader == "/pxegrub.efi"
    assert uefi_boot.report.verdict is Lab.PASSED


def test_uefi_boots_by_its_own_network(uefi_boot: Boot) -> None:
    """The node with a NIC of another network before its own finds its menu, its lease and its root by its own."""
    made = reasons(uefi_boot)
    assert made["second-network"].startswith("the node booted: ")
    assert made["address"] == "192.168.0.101/24"
    assert made["menu"] == "(nd)/grub/ssi1"


def test_arguments_through_a_legacy_menu(uefi_boot: Boot) -> None:
    """Every sign that GRUB can carry reaches the kernel by GRUB legacy's syntax, and nothing else does."""
    assert uefi_boot.command_line.split(" ", 1)[1] == by_loader(shlex.split(grub2_words(uefi_boot.given)))
    assert by_kernel(uefi_boot.command_line)[1:] == by_kernel(" ".join(uefi_boot.given))


def test_recipes_key_opens_the_node(uefi_boot: Boot) -> None:
    """Root logs in on the node with the key of the recipe, over the network, and with no password."""
    passed = {check.name for check in uefi_boot.node.checks if check.passed}
    assert passed >= {"passwords", "ssh host keys"} | WITHOUT_KEYS


def test_secure_boot_is_enforced(secure_boot: Boot) -> None:
    """Shim, GRUB and kernel are signed: the node boots from dnsmasq alone, says so, and is locked down."""
    assert secure_boot.wrong == []
    assert secure_boot.node.loader == "/shimx64.efi"
    made = reasons(secure_boot)
    assert made["firmware"] == "secure-boot"
    assert set(made) == (EVERY_CHECK - {"Kerrighed ids", "menu", "reboot"} - WITHOUT_KEYS) | {"missing-kernel"}


def test_nfs_version_4(secure_boot: Boot) -> None:
    """Root and shared directories are mounted by NFSv4 from a server without rpcbind."""
    assert secure_boot.report.verdict is Lab.PASSED
    made = reasons(secure_boot)
    assert "vers=4" in made["root mount"]
    on_server = [each for each in secure_boot.release.recipe.root.writable if each.kind is not WritableKind.TMPFS]
    assert made["shared directories"].count("vers=4") == len(on_server) == 3
    assert [time.phase for time in secure_boot.node.phases if time.ended > time.began] == list(Phase)


def test_secure_boot_falls_back(secure_boot: Boot) -> None:
    """A node boots the release before with Secure Boot enforced, from a menu in GRUB 2's syntax and dnsmasq."""
    assert_fell_back(secure_boot)
