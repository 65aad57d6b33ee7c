"""Seeded moments at which a verb is killed: a few in each run of the tests, and as many as NFSROOT_KILLS asks for."""

from __future__ import annotations

import os
import random


def choose(seed: str, there_are: int, usual: int) -> list[int]:
    """Different numbers from 1 to `there_are`, in ascending order; all of them when there are not more."""
    wanted = int(os.environ.get("NFSROOT_KILLS", usual))
    return sorted(random.Random(seed).sample(range(1, there_are + 1), min(wanted, there_are)))
