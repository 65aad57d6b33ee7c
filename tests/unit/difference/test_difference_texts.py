"""Texts that differ, and names of releases that do not count."""

from __future__ import annotations

import difflib
import random

import pytest

from builder.difference.listing import Change
from builder.difference.texts import MOST_LINES, Names, compare_texts
from builder.release.manifest import Manifest
from builder.release.unpacking import Text


def names(name: str = "kerrighed", version: str = "1.0", kernel: str = "6.12.1-amd64") -> Names:
    """The names of a release."""
    manifest = Manifest.model_construct(
        name=name, version=version, kernel_version=kernel, server_directory=f"/NFSROOT/{name}/{version}"
    )
    return Names(manifest)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("release kerrighed 1.0.", "release kerrighed 2.0."),
        ("/NFSROOT/kerrighed/1.0/etc", "/NFSROOT/kerrighed/2.0/etc"),
        ("/kerrighed/1.0/vmlinuz-6.12.1-amd64 ro", "/kerrighed/2.0/vmlinuz-6.12.2-amd64 ro"),
        ("tar -xf kerrighed-1.0-root.tar.zst", "tar -xf kerrighed-2.0-root.tar.zst"),
        ("# Made by nfsroot 0.1.0 from a.toml", "# Made by nfsroot 0.2.0 from a.toml"),
        ("VERSION=1.0", "VERSION=2.0"),
        ("x(fsid=f8922655-92b4-5714-afeb-a82b638d0cbb)", "x(fsid=09ef84b7-e2a3-50c1-b88a-919a8ed48af9)"),
        ("    Export_Id = 53521;", "    Export_Id = 9728;"),
        ("10.0.0.1:/NFSROOT/kerrighed/1.0.shared/srv", "10.0.0.1:/NFSROOT/kerrighed/2.0.shared/srv"),
    ],
)
def test_names_do_not_count(one: str, other: str) -> None:
    """Texts that differ in the names of their releases alone are the same."""
    assert names().unify(one) == names(version="2.0", kernel="6.12.2-amd64").unify(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kerrighed-1.0.5", "kerrighed-2.0.6"),
        ("address 1.0.0.1", "address 2.0.0.1"),
        ("/srv/kerrighed/1.0", "/NFSROOT/kerrighed/2.0"),
        ("mykerrighed/1.0", "mykerrighed/2.0"),
    ],
)
def test_what_resembles_a_name_counts(one: str, other: str) -> None:
    """A number that only looks like a version, and the directory above that of a release, are compared."""
    assert names().unify(one) != names(version="2.0").unify(other)


@pytest.mark.parametrize("seed", range(20))
def test_diff_is_that_of_the_standard_library(seed: int) -> None:
    """Where no names occur, hunks are those of difflib.unified_diff, line by line."""
    drawn = random.Random(seed)
    old = [f"line {drawn.randrange(12)}" for _ in range(drawn.randrange(40))]
    new = [line for line in old if drawn.random() > 0.2] + ["end"]
    texts = [Text("".join(f"{line}\n" for line in lines).encode(), 0o644) for lines in (old, new)]
    changes = compare_texts({"f": texts[0]}, {"f": texts[1]}, (names(), names()))
    expected = list(difflib.unified_diff(old, new, lineterm=""))[2:]
    assert [line for file in changes.files for line in file.diff] == expected


def test_file_whose_path_has_the_version() -> None:
    """A file that is named by its release is one file in both; if nothing else differs, it is counted alone."""
    before = {"etc/exports.d/kerrighed-1.0.exports": Text(b"/NFSROOT/kerrighed/1.0 *\n", 0o644)}
    after = {"etc/exports.d/kerrighed-2.0.exports": Text(b"/NFSROOT/kerrighed/2.0 *\n", 0o644)}
    changes = compare_texts(before, after, (names(), names(version="2.0")))
    assert (changes.files, changes.names_only) == ((), 1)


def test_content_that_not_everybody_may_read() -> None:
    """Of /etc/shadow it is told that it differs, and not a byte of it."""
    before, after = {"etc/shadow": Text(b"root:$6$old\n", 0o640)}, {"etc/shadow": Text(b"root:$6$new\n", 0o640)}
    (change,) = compare_texts(before, after, (names(), names())).files
    assert (change.withheld, change.diff, change.added) == (True, (), 1)


def test_mode_alone() -> None:
    """A file that became executable differs, although its lines do not."""
    (change,) = compare_texts({"f": Text(b"a\n", 0o644)}, {"f": Text(b"a\n", 0o755)}, (names(), names())).files
    assert change.diff == ("old mode 0644", "new mode 0755")


def test_added_and_removed() -> None:
    """A file on one side only has all its lines on that side."""
    changes = compare_texts({"old": Text(b"a\n", 0o644)}, {"new": Text(b"", 0o644)}, (names(), names())).files
    assert [(each.path, each.change, each.added, each.removed) for each in changes] == [
        ("new", Change.ADDED, 0, 0),
        ("old", Change.REMOVED, 0, 1),
    ]


def test_very_long_file() -> None:
    """A file that would take minutes to compare is told with its numbers of lines."""
    texts = [{"f": Text(b"a\n" * MOST_LINES + end, 0o644)} for end in (b"", b"b\n")]
    (change,) = compare_texts(*texts, (names(), names())).files
    assert (change.withheld, change.added, change.removed) == (True, MOST_LINES + 1, MOST_LINES)


def test_bytes_that_are_no_text() -> None:
    """Bytes that are no UTF-8 are shown as escapes."""
    (change,) = compare_texts({"f": Text(b"", 0o644)}, {"f": Text(b"\xff\n", 0o644)}, (names(), names())).files
    assert change.diff[-1] == r"+\xff"
