"""Kernel arguments as GRUB has to be given them, so that the kernel gets them as the recipe has them.

GRUB's loader puts quotes around each argument with a blank, all of it, and a backslash before each quote that the
argument has itself (grub_create_loader_cmdline).  The kernel takes `"a=b c"` for `a="b c"`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable


def grub2_words(arguments: Iterable[str]) -> str:
    """The arguments as words of GRUB 2's script, which quotes as shells do (GRUB manual, "Quoting")."""
    return " ".join(shlex.quote(argument.replace('"', "")) for argument in arguments)


def legacy_words(arguments: Iterable[str]) -> str:
    """The arguments as GRUB legacy hands them to the kernel: as they are, but for quotes that keep nothing together."""
    return " ".join(argument if " " in argument else argument.replace('"', "") for argument in arguments)


def pass_legacycfg(arguments: Iterable[str]) -> bool:
    """Whether GRUB 2 reads the arguments right in GRUB legacy's syntax: it takes them apart at every blank."""
    return not any(" " in argument for argument in arguments)
