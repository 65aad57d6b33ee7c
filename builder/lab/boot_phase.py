"""The names of the parts of a boot.

They stand alone so that a report can be drawn without the rest of the lab, which takes a tenth of a second to import.
"""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """The parts of a boot, in order."""

    DHCP = "DHCP"
    LOADER = "loader"
    GRUB = "GRUB"
    KERNEL = "kernel"
    INITRAMFS = "initramfs"
    ROOT = "root"
    SYSTEMD = "systemd"
    CHECKS = "checks"
