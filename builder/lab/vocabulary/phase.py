"""The phases of a boot.

This module imports nothing of the lab, so that a report can be drawn without it: the rest of the lab takes a tenth of a
second to import.
"""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """The phases of a boot, in their order."""

    DHCP = "DHCP"
    LOADER = "loader"
    GRUB = "GRUB"
    KERNEL = "kernel"
    INITRAMFS = "initramfs"
    ROOT = "root"
    SYSTEMD = "systemd"
    CHECKS = "checks"
