"""An index of apt's package lists: where the stanza of each package stands, and which packages it may need.

apt reads all packages of its lists before it answers anything, and trixie has 69,000.  The packages that a recipe may
need, by any alternative of a dependency, are some hundred.  With the index, a job gives apt lists of these alone
(resolver.py of the element debian-root).

Where nothing else decides between two providers of a name, apt takes the one whose name it met later, as a package or
in a field of another package (CompareProviders in apt-pkg/depcache.cc).  So the index records when apt would meet each
name first in the whole lists.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

SCHEMA = """\
CREATE TABLE package (name TEXT, needs TEXT, file TEXT, size INTEGER, sha256 TEXT, list TEXT, start INTEGER,
                      length INTEGER, position INTEGER, met INTEGER);
CREATE TABLE provider (name TEXT, package TEXT);
"""
"""The tables of the index.

`package` has a row for each stanza of a list.  `needs` are the names in its dependencies, all alternatives included,
separated by blanks.  `file` is the name that apt gives to the package's file, PACKAGE_VERSION_ARCHITECTURE.deb, with
`size` in bytes and `sha256`.  The stanza stands in `list`, `length` bytes from `start` on; `position` is the list's
place in apt's reading order.  `met` says when apt meets the package's name first, in any field of any package.

`provider` has a row for each name that a package has or provides.
"""

LOOK_UPS = "CREATE INDEX package_name ON package (name); CREATE INDEX provider_name ON provider (name);"

REQUIRED = "?required"
"""A name that the index has all packages provide that are essential or of priority required."""

RELATIONS = (
    "Pre-Depends",
    "Depends",
    "Conflicts",
    "Breaks",
    "Recommends",
    "Suggests",
    "Replaces",
    "Enhances",
    "Provides",
)
"""The fields that name other packages, in the order in which apt reads them (debListParser::NewVersion)."""

FIELDS = ("Package", "Version", "Architecture", "Essential", "Priority", "Size", "SHA256", *RELATIONS)
FIELD = re.compile(rf"^({'|'.join(FIELDS)}): *(.*(?:\n[ \t].*)*)$".encode(), re.MULTILINE)
NAME = re.compile(r"(?:^|[,|])\s*([A-Za-z0-9][A-Za-z0-9+.-]*)")
PLAIN_NAME = re.compile(r"(?:^|[,|])\s*([A-Za-z0-9][A-Za-z0-9+.-]*)(?![A-Za-z0-9+.:-])")
"""A name without an architecture: NAME:any is another name to apt."""


class _Stanza(NamedTuple):
    start: int
    length: int
    fields: dict[str, str]


def make(lists: Path, index: Path, order: Iterable[str] = ()) -> None:
    """Write the index of every Packages file (deb822(5)) in `lists` to the file `index`.

    `order` has the names of lists in apt's reading order; lists that are not in `order` come last, by name.
    """
    met: dict[str, int] = {}
    with closing(sqlite3.connect(index)) as database, database:
        database.executescript(SCHEMA)
        for position, packages in enumerate(_in_order(lists, list(order))):
            stanzas = list(_stanzas(packages.read_bytes()))
            for stanza in stanzas:
                _meet(stanza.fields, met)
            rows = ((*_package(stanza, packages.name), position, met[stanza.fields["Package"]]) for stanza in stanzas)
            database.executemany("INSERT INTO package VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            providers = (row for stanza in stanzas for row in _providers(stanza.fields))
            database.executemany("INSERT INTO provider VALUES (?, ?)", providers)
        database.executescript(LOOK_UPS)


def _in_order(lists: Path, order: list[str]) -> list[Path]:
    """The Packages files in the directory `lists`, in the order in which apt reads them."""
    places = {name: place for place, name in enumerate(order)}
    return sorted(lists.glob("*_Packages"), key=lambda path: (places.get(path.name, len(order)), path.name))


def _meet(fields: dict[str, str], met: dict[str, int]) -> None:
    """Add the names that apt meets first in a stanza to `met`, with consecutive numbers."""
    met.setdefault(fields["Package"], len(met))
    for relation in RELATIONS:
        for name in PLAIN_NAME.findall(fields.get(relation, "")):
            met.setdefault(name, len(met))


def names(index: Path) -> list[str]:
    """Every name that a package has or provides."""
    with closing(connect(index)) as database:
        rows = database.execute("SELECT DISTINCT name FROM provider WHERE name != ? ORDER BY name", (REQUIRED,))
        return [name for (name,) in rows]


def connect(index: Path) -> sqlite3.Connection:
    """The index, open for reading."""
    return sqlite3.connect(f"file:{index}?mode=ro&immutable=1", uri=True)


def _stanzas(content: bytes) -> Iterator[_Stanza]:
    start = 0
    while start < len(content):
        end = content.find(b"\n\n", start)
        end = len(content) if end < 0 else end
        fields = {name.decode(): value.decode() for name, value in FIELD.findall(content, start, end)}
        if "Package" in fields:
            yield _Stanza(start, end - start, fields)
        start = end + 2


def _package(stanza: _Stanza, list_name: str) -> tuple[str | int, ...]:
    fields = stanza.fields
    version = fields.get("Version", "").replace(":", "%3a")
    needs = NAME.findall(fields.get("Depends", "")) + NAME.findall(fields.get("Pre-Depends", ""))
    return (
        fields["Package"],
        " ".join(dict.fromkeys(needs)),
        f"{fields['Package']}_{version}_{fields.get('Architecture', '')}.deb",
        int(fields.get("Size", 0)),
        fields.get("SHA256", ""),
        list_name,
        stanza.start,
        stanza.length,
    )


def _providers(fields: dict[str, str]) -> Iterator[tuple[str, str]]:
    package = fields["Package"]
    yield package, package
    for name in NAME.findall(fields.get("Provides", "")):
        yield name, package
    if fields.get("Essential") == "yes" or fields.get("Priority") == "required":
        yield REQUIRED, package
