"""Suites and architectures of Debian: those whose releases are booted in a test, and refusals of all others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from recipe_project import Project

TESTED = "write one of trixie (amd64), bookworm (amd64, i386)"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('suite = "bullseye"', "3:9: nfsroot makes no trees of 'bullseye'"),
        ('suite = "sid"\narchitecture = "riscv64"', "3:9: nfsroot makes no trees of 'sid'"),
        (
            'suite = "stable"',
            "3:9: nfsroot makes no trees of 'stable': it is trixie now, and will be another suite one day",
        ),
        (
            'suite = "bookworm-backports"',
            "3:9: nfsroot makes no trees of 'bookworm-backports': "
            "bookworm comes with its updates, and backports cannot be added",
        ),
        ('architecture = "arm64"', "3:16: nfsroot makes no trees of trixie for 'arm64'"),
        ('architecture = "i386"', "3:16: nfsroot makes no trees of trixie for 'i386': trixie has no kernel for it"),
        ('suite = "bookworm"\narchitecture = "arm64"', "4:16: nfsroot makes no trees of bookworm for 'arm64'"),
    ],
)
def test_suite_that_was_never_booted(mistakes_of: Callable[[str], list[str]], text: str, mistake: str) -> None:
    """A suite or an architecture of which nobody booted a release is refused at once, with the list of the others."""
    found = mistakes_of(f"[debian]\n{text}\n[boot]\nvariants = ['i386-pc']")
    assert found == [f"recipes/mine.toml:{mistake}; {TESTED}"]


@pytest.mark.parametrize(
    ("text", "kernel"),
    [
        ("", "linux-image-amd64"),
        ('[debian]\nsuite = "bookworm"', "linux-image-amd64"),
        ('[debian]\nsuite = "bookworm"\narchitecture = "i386"', "linux-image-686-pae"),
        (
            '[debian]\nsuite = "bookworm"\narchitecture = "i386"\n[kernel]\npackage = "linux-image-686"',
            "linux-image-686",
        ),
    ],
)
def test_kernel_follows_the_architecture(project: Project, text: str, kernel: str) -> None:
    """A recipe that names no kernel gets Debian's for its architecture."""
    project.write("recipes/mine.toml", f'extends = "base"\n{text}\n[boot]\nvariants = ["i386-pc"]\n')
    assert project.load().kernel.package == kernel
