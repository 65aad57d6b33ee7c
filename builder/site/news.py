"""Changes that the services of a site have not learned yet: a killed run leaves them to the next one."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

from builder.site import state as states
from builder.site.places import Places

NOTHING: frozenset[int] = frozenset()


@dataclass(frozen=True)
class News:
    """Changes of settings that services have to learn: paths, and the Export_Ids of exports that went away."""

    paths: AbstractSet[str]
    gone_exports: frozenset[int] = field(default=NOTHING)

    def has(self, beginning: str) -> bool:
        """Whether the path of a changed file begins with `beginning`."""
        return any(path.startswith(beginning) for path in self.paths)


def remember(places: Places, news: News) -> News:
    """Write down changes that are about to be made, and return them with all that services have not learned yet."""
    before = _read(places)
    every = News(news.paths | before.paths, news.gone_exports | before.gone_exports)
    if every.paths:
        document = {"paths": sorted(every.paths), "gone_exports": sorted(every.gone_exports)}
        states.replace_file(_file(places), document)
    return every


def forget(places: Places) -> None:
    """Note that services have learned all changes."""
    _file(places).unlink(missing_ok=True)


def _file(places: Places) -> Path:
    return places.data / "news.json"


def _read(places: Places) -> News:
    try:
        table = json.loads(_file(places).read_bytes())
        return News(frozenset(map(str, table["paths"])), frozenset(map(int, table["gone_exports"])))
    except FileNotFoundError:
        return News(frozenset())
