"""Packages that differ: the way of their versions, and which changes are for security."""

from __future__ import annotations

import random
import shutil
import subprocess

import pytest
from made_releases import package

from builder.difference.packages import Mark, Way, compare_packages, find_way


@pytest.mark.parametrize(
    ("before", "after", "way"),
    [
        ("1.0-1", "1.0-1+deb13u1", Way.UP),
        ("1.0~rc1-1", "1.0-1", Way.UP),
        ("2:1.0-1", "1:9.0-1", Way.DOWN),
        ("1.10-1", "1.9-1", Way.DOWN),
        ("1.0-1", "1.0-1", Way.OTHER),
        ("x:1", "1", Way.OTHER),
        ("9" * 5000, "1", Way.OTHER),
    ],
)
def test_way_of_versions(before: str, after: str, way: Way) -> None:
    """Versions compare as Debian policy has it, and what is no version has no way."""
    assert find_way(before, after) is way


@pytest.mark.parametrize("seed", range(5))
def test_way_is_dpkgs(seed: int) -> None:
    """dpkg itself finds the same order of drawn versions."""
    if shutil.which("dpkg") is None:
        pytest.skip("dpkg is not installed")
    drawn = random.Random(seed)
    one, other = ("1" + "".join(drawn.choices("0129.+~az-", k=drawn.randint(0, 6))) + "0" for _ in range(2))
    says = {
        operator: subprocess.run(["dpkg", "--compare-versions", one, operator, other], check=False).returncode == 0
        for operator in ("lt", "gt")
    }
    assert find_way(one, other) is (Way.UP if says["lt"] else Way.DOWN if says["gt"] else Way.OTHER)


def test_added_removed_and_changed_are_sorted() -> None:
    """Each package that differs is there once, those that are the same are not."""
    before = (package("same", "1"), package("gone", "1"), package("new", "1"), package("old", "2"))
    after = (package("same", "1"), package("come", "1"), package("new", "2"), package("old", "1"))
    assert [(each.name, each.way, each.before, each.after) for each in compare_packages(before, after)] == [
        ("come", Way.ADDED, "", "1"),
        ("gone", Way.REMOVED, "1", ""),
        ("new", Way.UP, "1", "2"),
        ("old", Way.DOWN, "2", "1"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "mark"),
    [
        (package("p", "1-1"), package("p", "1-1+deb13u2", "1-1+deb13u1"), Mark.SECURITY),
        (package("p", "1-1+deb13u1", "1-1+deb13u1"), package("p", "1-1+deb13u2", "1-1+deb13u1"), Mark.NONE),
        (package("p", "1-1", None), package("p", "1-1+deb13u2", "1-1+deb13u1"), Mark.SECURITY),
        (package("p", "1-1"), package("p", "1-2"), Mark.NONE),
        (package("p", "1-1"), package("p", "1-1+deb13u1"), Mark.NONE),
        (package("p", "1-1+deb13u1", "1-1+deb13u1"), package("p", "1-1"), Mark.SECURITY_LOST),
        (package("p", "1-1", None), package("p", "1-1+deb13u1", None), Mark.STABLE),
        (package("p", "1-1", None), package("p", "2~deb12u1", None), Mark.STABLE),
        (package("p", "1-1", None), package("p", "1-2", None), Mark.NONE),
        (package("p", "1-1+deb13u1", None), package("p", "1-1", None), Mark.NONE),
    ],
)
def test_marks(before: object, after: object, mark: Mark) -> None:
    """An update over a version of the security archive is marked, whichever archive the new version came from."""
    (change,) = compare_packages([before], [after])  # type: ignore[list-item]
    assert change.mark is mark


def test_kernel_that_takes_the_place_of_another() -> None:
    """A package with the version in its name is one change, with the mark of an update."""
    source = "linux-signed-amd64"
    before = package("linux-image-6.12.117+deb13-amd64", "6.12.117-1", "", source)
    after = package("linux-image-6.12.118+deb13-amd64", "6.12.118-1", "6.12.118-1", source)
    (change,) = compare_packages([before], [after])
    assert (change.name, change.old_name, change.way, change.mark) == (after.name, before.name, Way.UP, Mark.SECURITY)


def test_kernels_that_are_not_a_pair() -> None:
    """Of two new packages nobody can say which takes the old one's place."""
    before = [package("lib1", "1", source="lib")]
    after = [package("lib2", "2", source="lib"), package("lib3", "3", source="lib")]
    assert [each.way for each in compare_packages(before, after)] == [Way.REMOVED, Way.ADDED, Way.ADDED]


def test_name_with_two_architectures() -> None:
    """Packages of one name are told apart by their architectures."""
    foreign = package("libc6", "1").model_copy(update={"architecture": "i386"})
    changes = compare_packages([package("libc6", "1")], [package("libc6", "1"), foreign])
    assert [(each.name, each.architecture, each.way) for each in changes] == [("libc6", "i386", Way.ADDED)]
