"""The quoting of kernel arguments in GRUB's menus, by which the kernel gets them as the recipe has them.

GRUB puts quotes around each whole argument that has a blank, and a backslash before each quote in the argument
(grub_create_loader_cmdline).  The kernel takes `"a=b c"` for `a="b c"`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable


def grub2_words(arguments: Iterable[str]) -> str:
    """The arguments as words of GRUB 2's script, which quotes as shells do (GRUB manual, "Quoting")."""
    return " ".join(shlex.quote(argument.replace('"', "")) for argument in arguments)


def legacy_words(arguments: Iterable[str]) -> str:
    """The arguments in GRUB legacy's syntax, which the kernel gets without changes; needless quotes are left out."""
    return " ".join(argument if " " in argument else argument.replace('"', "") for argument in arguments)


def pass_legacycfg(arguments: Iterable[str]) -> bool:
    """Whether GRUB 2's `legacycfg` reads the arguments correctly: it splits them at every blank, quoted or not."""
    return not any(" " in argument for argument in arguments)
