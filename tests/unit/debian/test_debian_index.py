"""The index of package lists."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from builder.debian import index

MAIN = """\
Package: mutt
Version: 1:2.2-1
Architecture: amd64
Depends: libc6 (>= 2.38), default-mta | mail-transport-agent,
 python3:any
Pre-Depends: init-system-helpers (>= 1.54~)
Provides: imap-client, mail-reader (= 2)
Size: 1500

Package: dash
Version: 0.5
Architecture: amd64
Essential: yes
Priority: required
Description: says Depends: nothing
MD5sum: 00
SHA256: abababababababababababababababababababababababababababababababab

Package: login
Version: 4
Architecture: all
Priority: required
"""
SECURITY = "Package: mutt\nVersion: 1:2.2-2\nArchitecture: amd64\nDepends: libc6\nSize: 1501\n"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The index of two lists."""
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "a_Packages").write_text(MAIN)
    (lists / "b_Packages").write_text(SECURITY)
    (lists / "a_InRelease").write_text("Package: none\n")
    index.make(lists, tmp_path / "index.sqlite")
    return tmp_path / "index.sqlite"


def rows(made: Path, question: str) -> list[tuple[str | int, ...]]:
    """What the index answers."""
    with closing(sqlite3.connect(made)) as database:
        return database.execute(question).fetchall()


def test_each_version_of_a_package(made: Path) -> None:
    """A package has a row for each list; what it needs includes alternatives, and what stands in folded lines."""
    assert rows(made, "SELECT list, file, size, needs FROM package WHERE name = 'mutt'") == [
        (
            "a_Packages",
            "mutt_1%3a2.2-1_amd64.deb",
            1500,
            "libc6 default-mta mail-transport-agent python3 init-system-helpers",
        ),
        ("b_Packages", "mutt_1%3a2.2-2_amd64.deb", 1501, "libc6"),
    ]


def test_places_of_stanzas(made: Path) -> None:
    """What stands at the place of each row is the whole stanza of its package."""
    found = rows(made, "SELECT name, start, length FROM package WHERE list = 'a_Packages' ORDER BY start")
    stanzas = [MAIN.encode()[int(start) : int(start) + int(length)].decode().strip() for _, start, length in found]
    assert [name for name, *_ in found] == ["mutt", "dash", "login"]
    assert stanzas == [stanza.strip() for stanza in MAIN.split("\n\n")]


def test_order_in_which_apt_meets_names(tmp_path: Path) -> None:
    """A name counts from its first mention in any field, in the order of the fields and of the lists."""
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "z_Packages").write_text(
        "Package: a\nProvides: late\nSuggests: d (>= 1) | c\nPre-Depends: b, other:any\nRecommends: f\n\nPackage: c\n"
    )
    (lists / "a_Packages").write_text("Package: late\n\nPackage: g\nEnhances: e\n\n" + named(*"efdcba"))
    index.make(lists, tmp_path / "index.sqlite", ["z_Packages", "a_Packages"])
    met = rows(tmp_path / "index.sqlite", "SELECT DISTINCT name FROM package ORDER BY met")
    assert [name for (name,) in met] == ["a", "b", "f", "d", "c", "late", "g", "e"]
    assert rows(tmp_path / "index.sqlite", "SELECT DISTINCT list FROM package ORDER BY position") == [
        ("z_Packages",),
        ("a_Packages",),
    ]


def named(*names: str) -> str:
    """Stanzas of packages of which nothing but the name is known."""
    return "\n".join(f"Package: {name}\n" for name in names)


def test_digests(made: Path) -> None:
    """The SHA-256 that a list gives for a package is that of the whole field, and of no other one."""
    assert rows(made, "SELECT sha256 FROM package WHERE name = 'dash'") == [("ab" * 32,)]


def test_what_is_required(made: Path) -> None:
    """Essential packages and those of priority required are found under one name, which is no package's."""
    assert sorted(rows(made, "SELECT package FROM provider WHERE name = '?required'")) == [("dash",), ("login",)]
    assert "?required" not in index.names(made)


def test_names(made: Path) -> None:
    """A name that is provided, with or without a version, is one that a recipe may ask for."""
    assert index.names(made) == ["dash", "imap-client", "login", "mail-reader", "mutt"]
