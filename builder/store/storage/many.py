"""Requests to a server for many objects, side by side, because each waits for the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from builder.parallel import crew

SIDE_BY_SIDE = 16
"""The most requests that wait for answers at once."""


def ask_side_by_side(size: Callable[[str], int | None], paths: Iterable[str]) -> dict[str, int]:
    """The sizes in bytes of those objects among `paths` that exist, by path; `size` asks for one."""
    with crew(SIDE_BY_SIDE) as threads:
        asked = {path: threads.begin(partial(size, path)) for path in paths}
        found = {path: answer() for path, answer in asked.items()}
    return {path: bytes_ for path, bytes_ in found.items() if bytes_ is not None}
