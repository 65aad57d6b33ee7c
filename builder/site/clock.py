"""The time by two clocks: the wall clock, which people and NTP set, and the uptime, which nobody sets."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""The file with the identifier of this boot, a new one at each boot (random(4))."""


@dataclass(frozen=True)
class Clock:
    """The time: `now` in seconds since 1970 (UTC), and `uptime` in seconds since the boot `boot_id`, sleep included."""

    now: float
    boot_id: str
    uptime: float


def read_clock() -> Clock:
    """The time of this machine (clock_gettime(2), CLOCK_BOOTTIME)."""
    return Clock(time.time(), BOOT_ID.read_text(encoding="ascii").strip(), time.clock_gettime(time.CLOCK_BOOTTIME))


def wall_time(seconds: float) -> str:
    """A time in seconds since 1970 (UTC) as text, in the time zone of this machine."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
