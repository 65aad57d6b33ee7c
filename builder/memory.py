"""The memory that a build may use: that of the machine, or less where control groups limit this process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def available_mib(proc: Path = PROC, cgroups: Path = CGROUPS) -> int:
    """The memory, in MiB, that new work may take without the kernel swapping or killing anything.

    The kernel says how much the machine has (MemAvailable in proc_meminfo(5)).  A container or a service may use less:
    the control groups of this process limit it (cgroup-v2.rst in Linux, memory).
    """
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", (proc / "meminfo").read_text(encoding="ascii"), re.MULTILINE)
    machine = int(found[1]) << 10 if found else 0
    return min([machine, *_left_in_groups(proc, cgroups)]) >> 20


def _left_in_groups(proc: Path, cgroups: Path) -> Iterator[int]:
    """The memory, in bytes, that is left in each control group of this process that has a limit."""
    path = re.search(r"^0::/(.*)$", _read(proc / "self/cgroup"), re.MULTILINE)
    if path is None:
        return
    group = cgroups / path[1]
    for directory in (group, *group.parents):
        limit, used = _read(directory / "memory.max").strip(), _read(directory / "memory.current").strip()
        if limit.isdecimal() and used.isdecimal():
            # The kernel drops pages of files that nobody used of late before it lets a group run out of memory.
            files = re.search(r"^inactive_file (\d+)$", _read(directory / "memory.stat"), re.MULTILINE)
            yield max(int(limit) - int(used) + (int(files[1]) if files else 0), 0)


def _read(path: Path) -> str:
    """The text of one of the kernel's files; empty when the file cannot be read."""
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
