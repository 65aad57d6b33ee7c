"""Kernel command lines: arguments drawn by a seed, what GRUB's loader makes of them, and how the kernel reads that."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

SIGNS = "!*?[]{}()<>|&;#$`~^@%+=,.:/_-x7"
FROM_ISSUES = (
    "acpi_osi=!Windows",
    'dyndbg="file x +p"',
    'dyndbg="+p"',
    '"dyndbg=func *nfs* +p"',
    "memmap=64K$0x18690000",
    "pci=nocrs,assign-busses;x",
    "a=`b`",
    "vt.color=0x07",
    'x=""',
)


def drawn(seed: int, count: int) -> Iterator[str]:
    """Arguments that a recipe may hold, of all signs, some with blanks in quotes."""
    dice = random.Random(seed)
    for number in range(count):
        name = f"n{number}." + "".join(dice.choices("abz019_", k=3))
        value = "".join(dice.choices(SIGNS, k=dice.randrange(1, 12)))
        form = dice.randrange(4)
        if form == 0:
            yield f"{name}={value}"
        elif form == 1:
            yield f'{name}="{value} {dice.choice(SIGNS)}  {value}"'
        elif form == 2:
            yield f'"{name}={value} {value}"'
        else:
            yield f'{name}="{value}"'


def by_loader(words: list[str]) -> str:
    """The command line that GRUB's loader makes of words (grub_create_loader_cmdline of GRUB 2.12)."""
    escaped = [re.sub(r"([\\'\"])", r"\\\1", word) for word in words]
    return " ".join(f'"{word}"' if " " in word else word for word in escaped)


def by_kernel(line: str) -> list[tuple[str, str | None]]:
    """Names and values that the kernel reads in a command line (Linux, lib/cmdline.c, next_arg)."""
    read: list[tuple[str, str | None]] = []
    while line := line.lstrip():
        within, end = False, 0
        while end < len(line) and (within or line[end] != " "):
            within ^= line[end] == '"'
            end += 1
        argument, line = line[:end], line[end:]
        if argument.startswith('"'):
            argument = argument[1:].removesuffix('"')
        name, equals, value = argument.partition("=")
        if value.startswith('"'):
            value = value[1:].removesuffix('"')
        read.append((name, value if equals else None))
    return read
