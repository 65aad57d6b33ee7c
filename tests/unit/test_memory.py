"""How much memory there is to work in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from builder.memory import available_mib

MIB = 1 << 20


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., int]:
    """What is available to a process in the control group /pod/job of a machine that has 9,000 MiB available.

    `groups` has the limit, the use and the files' pages of groups, in MiB, by their path.
    """

    def look(groups: dict[str, tuple[int | str, int, int]], written: str = "0::/pod/job\n") -> int:
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/meminfo").write_text(f"MemTotal: 99999999 kB\nMemAvailable: {9000 << 10} kB\n")
        (tmp_path / "proc/self/cgroup").write_text(written)
        for path, (limit, used, files) in groups.items():
            group = tmp_path / "cgroup" / path
            group.mkdir(parents=True, exist_ok=True)
            (group / "memory.max").write_text(f"{limit if isinstance(limit, str) else limit * MIB}\n")
            (group / "memory.current").write_text(f"{used * MIB}\n")
            (group / "memory.stat").write_text(f"anon 1\ninactive_file {files * MIB}\nactive_file 7\n")
        return available_mib(tmp_path / "proc", tmp_path / "cgroup")

    return look


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({}, 9000),
        ({"pod": ("max", 1, 0), "pod/job": ("max", 1, 0)}, 9000),
        ({"pod/job": (4000, 1000, 0)}, 3000),
        ({"pod/job": (4000, 3000, 2500)}, 3500),
        ({"pod": (2000, 500, 0), "pod/job": (4000, 100, 0)}, 1500),
        ({"pod/job": (1000, 1000, 0)}, 0),
        ({"pod/job": (64000, 0, 0)}, 9000),
        ({"another": (10, 10, 0)}, 9000),
    ],
)
def test_least_of_all_counts(
    machine: Callable[..., int], groups: dict[str, tuple[int | str, int, int]], expected: int
) -> None:
    """What the machine has available is no use where a control group allows less; pages of files can be dropped."""
    assert machine(groups) == expected


def test_machine_without_the_newer_control_groups(machine: Callable[..., int]) -> None:
    """Where the kernel has control groups of the older form alone, the machine's memory counts."""
    assert machine({"pod/job": (10, 10, 0)}, "4:memory:/pod/job\n") == 9000


def test_this_machine() -> None:
    """The kernel's files are where they are looked for."""
    assert available_mib() > 0
