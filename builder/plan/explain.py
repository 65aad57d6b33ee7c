"""The reason in words why a step must run: the difference between its inputs now and at its last run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MOST = 3
LONGEST = 40
ABSENT = "absent"
DIGEST = re.compile(r"(sha256:)?[0-9a-f]{24,}")


def explain(before: Any, now: Any) -> str:
    """The difference between two sets of inputs, as `packages: + vim; source_date: 1 -> 2`; "" when they are equal."""
    found = list(_differences("", before, now))
    more = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
    return "; ".join([*found[:MOST], *more])


def _differences(path: str, before: Any, now: Any) -> Iterator[str]:
    if before == now:
        return
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in sorted({*before, *now}):
            yield from _differences(f"{path}.{name}" if path else name, before.get(name, ABSENT), now.get(name, ABSENT))
    elif _is_list(before) and _is_list(now):
        yield f"{path}: {_changes(before, now)}"
    elif _is_text(before) and _is_text(now):
        yield f"{path}: {_changes(before.splitlines(), now.splitlines())}"
    elif _is_digest(before) or _is_digest(now):
        yield f"{path} changed"
    else:
        yield f"{path}: {_short(before)} -> {_short(now)}"


def _changes(before: Sequence[Any], now: Sequence[Any]) -> str:
    """The difference between two lists, by the items' names if they have any: `+ vim, - nano, ssi1 changed`."""
    added = [_name(item) for item in now if item not in before]
    removed = [_name(item) for item in before if item not in now]
    changed = [name for name in added if name in removed]
    groups = (
        [f"+ {name}" for name in added if name not in changed],
        [f"- {name}" for name in removed if name not in changed],
        [f"{name} changed" for name in changed],
    )
    return ", ".join(_first(words) for words in groups if words) or "in another order"


def _first(words: Sequence[str]) -> str:
    """The first words, and the number of the others."""
    more = f" and {len(words) - MOST} more" if len(words) > MOST else ""
    return ", ".join(words[:MOST]) + more


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_text(value: Any) -> bool:
    """Whether a value is the text of a file, which is compared line by line."""
    return isinstance(value, str) and "\n" in value


def _is_digest(value: Any) -> bool:
    """Whether a value is a digest, which is useless to show."""
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def _name(item: Any) -> str:
    return _short(item["name"] if isinstance(item, Mapping) and "name" in item else item)


def _short(value: Any) -> str:
    text = "nothing" if value is None else " ".join(str(value).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
