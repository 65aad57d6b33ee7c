"""Kernel arguments on their way through GRUB: each has to reach the kernel as the recipe has it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from kernel_line import FROM_ISSUES, by_kernel, by_loader, drawn
from pydantic import TypeAdapter, ValidationError

from builder.boot import arguments
from builder.recipe.patterns import KernelArgument


@pytest.mark.parametrize("given", [FROM_ISSUES, *(tuple(drawn(seed, 40)) for seed in range(5))])
def test_grub2_menu(given: tuple[str, ...]) -> None:
    """From GRUB 2's syntax the kernel reads what the recipe has, and the form lets it pass."""
    for argument in given:
        TypeAdapter(KernelArgument).validate_python(argument)
    line = by_loader(shlex.split(arguments.grub2_words(given)))
    assert by_kernel(line) == [pair for argument in given for pair in by_kernel(argument)]


@pytest.mark.server
@pytest.mark.parametrize("seed", range(5))
def test_legacy_menu(seed: int, tmp_path: Path) -> None:
    """From GRUB legacy's syntax, as legacycfg reads it, the kernel gets what has no blank as the recipe has it."""
    reader = shutil.which("grub-menulst2cfg")
    assert reader, "grub-menulst2cfg is missing: install grub-common"
    given = [argument for argument in (*FROM_ISSUES, *drawn(seed, 40)) if arguments.pass_legacycfg([argument])]
    (tmp_path / "menu").write_text(f"title x\nkernel /vmlinuz {arguments.legacy_words(given)}\n")
    subprocess.run([reader, tmp_path / "menu", tmp_path / "cfg"], check=True)
    command = next(line for line in (tmp_path / "cfg").read_text().splitlines() if "legacy_kernel" in line)
    line = by_loader(shlex.split(command)[3:])
    assert by_kernel(line) == [pair for argument in given for pair in by_kernel(argument)]


def test_blanks_do_not_pass_legacycfg() -> None:
    """What legacycfg would take apart is told, and stands in a legacy menu as GRUB legacy itself hands it on."""
    assert not arguments.pass_legacycfg(FROM_ISSUES)
    assert arguments.pass_legacycfg(["quiet", 'dyndbg="+p"'])
    assert arguments.legacy_words(['dyndbg="file x +p"', 'a="b"']) == 'dyndbg="file x +p" a=b'


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("it's", "without ' and"),
        ("a\\b", "without ' and"),
        ('a="b', "quotes around all"),
        ('a=b"c d"', "quotes around all"),
        ('a="b"c', "quotes around all"),
        ("a b", "as a string of its own"),
        ("", "as a string of its own"),
        (' a="b"', "as a string of its own"),
        ("-quiet", "stands for one that is taken away"),
        ("a=é", "ASCII characters only"),
        ("a=\tb", "ASCII characters only"),
    ],
)
def test_what_grub_cannot_carry(argument: str, reason: str) -> None:
    """What would not reach the kernel as it is written is refused with the true reason."""
    with pytest.raises(ValidationError, match=re.escape(reason)):
        TypeAdapter(KernelArgument).validate_python(argument)
