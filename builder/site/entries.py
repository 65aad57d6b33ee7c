"""Entries of nodes' menus, in GRUB legacy's syntax and in GRUB 2's, as text that releases bring along."""

from __future__ import annotations

import re

BEGIN = re.compile(r"^(?:title|menuentry) ", re.MULTILINE)
LOAD = re.compile(r"^(?:kernel|  linux) .*$", re.MULTILINE)
"""The line with the kernel and its arguments."""
TIMEOUT = re.compile(r"^(set )?timeout[ =].*\n", re.MULTILINE)
NIC = re.compile(r"BOOTIF=[^ \n]+")

PANIC_SECONDS = 60
"""Seconds after which a node on trial starts anew when its kernel or initramfs gave up (panic=)."""


def first_entry(menu: str) -> str:
    """The first entry of a menu; empty where the menu has none."""
    begin, *more = [found.start() for found in BEGIN.finditer(menu)] or [len(menu)]
    text = menu[begin : more[0] if more else None].rstrip("\n")
    return f"{text}\n" if text else ""


def is_for_same_nic(entry: str, other: str) -> bool:
    """Whether two entries name the same NIC to the kernel, or neither names one."""
    return NIC.findall(entry) == NIC.findall(other)


def with_fallback(menu: str, entry: str) -> str:
    """A menu of one entry with a second one, which GRUB takes when the files of the first do not load."""

    def add(found: re.Match[str]) -> str:
        return f"{found[0]}{'set fallback=1' if found[1] else 'fallback 1'}\n"

    return f"{TIMEOUT.sub(add, menu, count=1)}\n{entry}"


def on_trial(menu: str, boot_seconds: int) -> str:
    """The menu of a node on trial, which starts anew when the node has not booted within `boot_seconds`.

    The menu has one entry.  Of an argument that stands twice, kernel and initramfs take the last one.
    """
    words = f" panic={PANIC_SECONDS} nfsbooted.trial={boot_seconds}"
    return LOAD.sub(lambda found: found[0] + words, menu, count=1)
