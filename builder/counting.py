"""Numbers of things in words."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """A number with its noun: `1 package`, `2 packages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
