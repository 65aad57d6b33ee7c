"""Paths that differ between two lists of trees."""

from __future__ import annotations

import random

import pytest

from builder.difference.listing import Change, compare_listings
from builder.errors import InputError

HEADER = "path\ttype\tmode\towner\tgroup\tsize\tsha256\ttarget\tpackage"


def listing(*lines: str) -> bytes:
    """A list with these lines."""
    return "\n".join([HEADER, *lines, ""]).encode()


def line(path: str, mode: str = "0644", owner: str = "0", size: int = 1, digest: str = "a", package: str = "p") -> str:
    """The line of a file."""
    return f"{path}\tf\t{mode}\t{owner}\t0\t{size}\t{digest * 64}\t\t{package}"


def test_what_changed_is_named_column_by_column() -> None:
    """Mode, owner, size and content are told apart, in the package that the file is in now."""
    before, after = listing(line("usr/bin/x")), listing(line("usr/bin/x", "4755", "1", 2, "b"))
    (group,) = compare_listings(before, after)
    (change,) = group.files
    assert (group.package, group.changed, group.bytes) == ("p", 1, 1)
    assert (change.change, change.columns) == (Change.CHANGED, ("mode", "owner", "size", "sha256"))


def test_file_that_changes_its_package_or_type() -> None:
    """A file that became a link of another package is one change there."""
    after = listing(f"a\tl\t0777\t0\t0\t\t\tb\t{'q'}")
    (group,) = compare_listings(listing(line("a")), after)
    assert (group.package, group.files[0].columns) == ("q", ("type", "mode", "size", "sha256", "target", "package"))


def test_paths_beside_do_not_count() -> None:
    """What is compared elsewhere is left out."""
    assert compare_listings(listing(line("etc/fstab")), listing(), {"etc/fstab"}) == ()


@pytest.mark.parametrize("seed", range(20))
def test_drawn_trees(seed: int) -> None:
    """Of drawn trees each path is told that a comparison path by path finds."""
    drawn = random.Random(seed)
    trees = [
        {
            f"p{number}": (drawn.choice(("0644", "0755")), *drawn.choices("ab", k=2))
            for number in drawn.sample(range(30), 20)
        }
        for _ in range(2)
    ]
    lists = [
        listing(*(line(path, mode, digest=digest, package=package) for path, (mode, digest, package) in tree.items()))
        for tree in trees
    ]
    old, new = trees
    expected = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    groups = compare_listings(*lists)
    assert {change.path for group in groups for change in group.files} == expected
    assert sum(group.added for group in groups) == len(new.keys() - old.keys())
    assert sum(group.removed for group in groups) == len(old.keys() - new.keys())


@pytest.mark.parametrize("text", [b"a\tb\n", b"\xff\n", b"no list at all"])
def test_damaged_list(text: bytes) -> None:
    """A line with other columns is refused, with the list's name."""
    with pytest.raises(InputError, match="my list is no list of a tree"):
        compare_listings(text, listing(), what=("my list", "other"))


def test_size_that_is_no_number() -> None:
    """A size that nobody can count with counts nothing."""
    after = listing("a\tf\t0644\t0\t0\t" + "9" * 5000 + "\t\t\tp", "b\tf\t0644\t0\t0\t-1\t\t\tp")
    (group,) = compare_listings(listing(), after)
    assert group.bytes == 0
