"""Why a step must run, in words: the difference between its inputs now and when it last ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MOST = 3
LONGEST = 40


def explain(before: Any, now: Any) -> str:
    """What differs between two sets of inputs, as `packages: + vim; source_date: 1 -> 2`; "" when nothing does."""
    found = list(_differences("", before, now))
    more = f"; and {len(found) - MOST} more" if len(found) > MOST else ""
    return "; ".join(found[:MOST]) + more


def _differences(path: str, before: Any, now: Any) -> Iterator[str]:
    if before == now:
        return
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in sorted({*before, *now}):
            yield from _differences(f"{path}.{name}" if path else name, before.get(name), now.get(name))
    elif isinstance(before, Sequence) and isinstance(now, Sequence) and not isinstance(now, str):
        yield f"{path}: {_changes(before, now)}"
    else:
        yield f"{path}: {_short(before)} -> {_short(now)}"


def _changes(before: Sequence[Any], now: Sequence[Any]) -> str:
    """Items added and removed, by name where they have one: `+ vim, - nano`."""
    added = [f"+ {_name(item)}" for item in now if item not in before]
    removed = [f"- {_name(item)}" for item in before if item not in now]
    return ", ".join([*added[:MOST], *removed[:MOST]]) or "in another order"


def _name(item: Any) -> str:
    return _short(item["name"] if isinstance(item, Mapping) and "name" in item else item)


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
