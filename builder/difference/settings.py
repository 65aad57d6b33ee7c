"""Compares the settings of two recipes, apart from the nodes of their clusters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

APART = ("files", "image.version", "cluster.nodes")
"""Settings that are compared elsewhere, or say nothing: names of files, the release's version, the nodes."""
ABSENT = object()


@dataclass(frozen=True)
class SettingChange:
    """A setting that differs between two recipes.

    `before` and `after` are its values as JSON, empty where a recipe does not have it.  For a list, `added` and
    `removed` are items: text as it is, and other values as JSON.
    """

    key: str
    before: str
    after: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def compare_settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[SettingChange, ...]:
    """Every setting that differs, sorted by key; keys are dotted, and name elements in place of their numbers."""
    return tuple(sorted(_differences("", _named(before), _named(after)), key=lambda change: change.key))


def _named(recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    """The recipe with its elements by name."""
    elements = recipe.get("elements")
    if not isinstance(elements, list):
        return recipe
    return {**recipe, "elements": {str(_name(each)): each for each in elements}}


def _name(element: Any) -> Any:
    return element.get("name") if isinstance(element, Mapping) else element


def _differences(path: str, before: Any, after: Any) -> Iterator[SettingChange]:
    if before == after or path in APART:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            key = f"{path}.{name}" if path else name
            yield from _differences(key, before.get(name, ABSENT), after.get(name, ABSENT))
        return
    old, new = _items(before), _items(after)
    added, removed = tuple(each for each in new if each not in old), tuple(each for each in old if each not in new)
    yield SettingChange(path, _json(before), _json(after), added, removed)


def _items(value: Any) -> tuple[str, ...]:
    return tuple(each if isinstance(each, str) else _json(each) for each in value) if isinstance(value, list) else ()


def _json(value: Any) -> str:
    return "" if value is ABSENT else json.dumps(value, ensure_ascii=False, sort_keys=True)
