"""Which packages a tree gets: defaults that give way, and conflicts that are told with who wants what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from archive_index import write_lists

from builder.cache import Cache
from builder.debian import choice
from builder.debian.archive import INDEX, Archive
from builder.debian.choice import PackageChoice
from builder.errors import RecipeError
from builder.recipe.element_models import Element
from builder.recipe.models import Recipe

STANZAS = """\
Package: dash
Version: 1
Essential: yes

Package: apt
Version: 1

Package: kernel
Version: 6
Depends: initramfs-tools | initramfs-maker

Package: initramfs-tools
Version: 1
Provides: initramfs-maker
Conflicts: initramfs-maker

Package: dracut
Version: 1
Provides: initramfs-maker
Conflicts: initramfs-tools

Package: busybox
Version: 1
Conflicts: busybox-static

Package: busybox-static
Version: 1
Provides: busybox
Conflicts: busybox

Package: timesyncd
Version: 2
Provides: time-daemon
Conflicts: time-daemon

Package: chrony
Version: 1
Provides: time-daemon
Conflicts: time-daemon

Package: cluster-time
Version: 1
Depends: libc (>= 1), chrony

Package: libc
Version: 1

Package: old
Version: 1
Breaks: libc (<< 2)

Package: newer
Version: 1
Depends: libc (>= 3)

Package: another-init
Version: 1
Conflicts: dash (>= 1)

Package: modules
Version: 1
Provides: module-command

Package: lmod
Version: 1
Provides: module-command

Package: timer
Version: 1
Provides: timesyncd

Package: either
Version: 1
Depends: chrony | gone
"""

BOOT = Element(name="boot", path=Path("boot"), description="", packages=("busybox | busybox-static", "initramfs-tools"))
IDENTITY = Element(name="identity", path=Path("identity"), description="", default_packages=("timesyncd",))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An archive of a few packages that conflict with one another."""
    write_lists(tmp_path, STANZAS)
    return Archive("a" * 24, datetime(2025, 11, 15, tzinfo=UTC), tmp_path, tmp_path / INDEX)


@pytest.fixture
def recipe_of(debian: Recipe) -> Callable[..., Recipe]:
    """Makes a recipe of the elements `boot` and `identity` with packages in `mine.toml`, the first in line 1."""

    def make(*packages: str, **changes: Any) -> Recipe:
        places = {name: (Path("mine.toml"), line, 1) for line, name in enumerate(packages, start=1)}
        values = {
            "files": (Path("mine.toml"),),
            "debian": debian.debian.model_copy(update={"packages": packages}),
            "kernel": debian.kernel.model_copy(update={"package": "kernel"}),
            "elements": (BOOT, IDENTITY),
            "places": places,
        }
        return debian.model_copy(update={**values, **changes})

    return make


def mistakes(recipe: Recipe, archive: Archive) -> list[str]:
    """What is wrong with a recipe's packages."""
    with pytest.raises(RecipeError) as caught:
        PackageChoice(recipe, archive).decide()
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("packages", "base", "reason"),
    [
        (["libc"], ["busybox", "initramfs-tools", "kernel", "timesyncd"], None),
        (["timesyncd"], ["busybox", "initramfs-tools", "kernel", "timesyncd"], None),
        (["chrony"], ["busybox", "initramfs-tools", "kernel"], "chrony, which mine.toml:1:1 names"),
        (
            ["libc", "cluster-time"],
            ["busybox", "initramfs-tools", "kernel"],
            "chrony, on which cluster-time depends, which mine.toml:2:1 names",
        ),
        (["timer"], ["busybox", "initramfs-tools", "kernel"], "timer, which mine.toml:1:1 names"),
        (["busybox-static"], ["busybox-static", "initramfs-tools", "kernel", "timesyncd"], None),
    ],
)
def test_default_gives_way(
    recipe_of: Callable[..., Recipe], archive: Archive, packages: list[str], base: list[str], reason: str | None
) -> None:
    """A default package is in the base unless one of the recipe's, or what this needs, takes its place; that is told.

    Of an element's alternatives the base has the one that the recipe names.
    """
    recipe = recipe_of(*packages)
    decision = PackageChoice(recipe, archive).decide()
    said = f"timesyncd, a default package of element identity, gives way to {reason}"
    assert decision.gave_way == ({"timesyncd": said} if reason else {})
    assert decision.apply(recipe).base_packages == tuple(base)


def test_default_gives_way_to_another_elements_need(recipe_of: Callable[..., Recipe], archive: Archive) -> None:
    """What an element cannot do without is stronger than what another one only proposes."""
    other = Element(name="other", path=Path("other"), description="", packages=("chrony",))
    recipe = recipe_of(elements=(IDENTITY, BOOT, other))
    assert PackageChoice(recipe, archive).decide().gave_way == {
        "timesyncd": "timesyncd, a default package of element identity, "
        "gives way to chrony, which element other needs"
    }  # fmt: skip


def test_default_that_the_recipe_takes_away(recipe_of: Callable[..., Recipe], archive: Archive) -> None:
    """Nothing is said about a default package that the recipe itself leaves out."""
    recipe = recipe_of("libc", left_out=("timesyncd",))
    assert PackageChoice(recipe, archive).decide().gave_way == {}
    assert "timesyncd" not in recipe.packages


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        (
            ["dracut"],
            ["mine.toml:1:1: dracut conflicts with initramfs-tools, which element boot needs; take 'dracut' out"],
        ),
        (
            ["chrony", "timesyncd"],
            ["mine.toml:2:1: timesyncd conflicts with chrony, which mine.toml:1:1 names; keep one of them"],
        ),
        (
            ["timesyncd", "cluster-time"],
            [
                "mine.toml:2:1: cluster-time needs chrony, which conflicts with timesyncd, "
                "which mine.toml:1:1 names; keep one of them"
            ],
        ),
        (
            ["cluster-time", "timesyncd"],
            [
                "mine.toml:2:1: timesyncd conflicts with chrony, on which cluster-time depends, "
                "which mine.toml:1:1 names; keep one of them"
            ],
        ),
        (
            ["timesyncd", "either"],
            [
                "mine.toml:2:1: either needs chrony | gone, which conflicts with timesyncd, "
                "which mine.toml:1:1 names; keep one of them"
            ],
        ),
        (["libc", "old"], ["mine.toml:2:1: old conflicts with libc, which mine.toml:1:1 names; keep one of them"]),
        (
            ["newer"],
            [
                "mine.toml:1:1: newer needs libc (>= 3): not in Debian trixie (main); "
                "add the component that has it, or look again with --refresh"
            ],
        ),
        (
            ["another-init"],
            [
                "mine.toml:1:1: another-init conflicts with dash, without which there is no Debian; "
                "take 'another-init' out"
            ],
        ),
        (
            ["module-command"],
            [
                "mine.toml:1:1: 'module-command' is no package but a name that several provide: lmod, modules; "
                "name one of them"
            ],
        ),
        (["chrnoy"], ["mine.toml:1:1: there is no package 'chrnoy' in Debian trixie (main); did you mean 'chrony'?"]),
        (
            ["dracut", "busybox", "busybox-static", "qqqq"],
            [
                "mine.toml:1:1: dracut conflicts with initramfs-tools, which element boot needs; take 'dracut' out",
                "mine.toml:3:1: busybox-static conflicts with busybox, which element boot needs; "
                "take 'busybox-static' out",
                "mine.toml:4:1: there is no package 'qqqq' in Debian trixie (main); "
                "add its component, or look again with --refresh",
            ],
        ),
    ],
)
def test_conflict(recipe_of: Callable[..., Recipe], archive: Archive, packages: list[str], expected: list[str]) -> None:
    """Packages that cannot be there together are a mistake of the recipe; all are told, with who wants the other."""
    assert mistakes(recipe_of(*packages), archive) == expected


def test_conflict_of_another_files_package(recipe_of: Callable[..., Recipe], archive: Archive) -> None:
    """A package that conflicts with an inherited one is told with the entry that takes that one away."""
    places = {"timesyncd": (Path("base.toml"), 7, 3), "chrony": (Path("mine.toml"), 2, 13)}
    recipe = recipe_of("timesyncd", "chrony", places=places)
    assert mistakes(recipe, archive) == [
        'mine.toml:2:13: chrony conflicts with timesyncd, which base.toml:7:3 names; add "-timesyncd" to packages'
    ]


def test_conflict_with_the_kernel(recipe_of: Callable[..., Recipe], archive: Archive, debian: Recipe) -> None:
    """The kernel's package counts as one that the recipe names."""
    kernel = debian.kernel.model_copy(update={"package": "dracut"})
    places = {"dracut": (Path("mine.toml"), 9, 11)}
    assert mistakes(recipe_of(kernel=kernel, places=places), archive) == [
        "mine.toml:9:11: dracut conflicts with initramfs-tools, which element boot needs; take 'dracut' out"
    ]


def test_only_provider_of_a_name(recipe_of: Callable[..., Recipe], archive: Archive) -> None:
    """A name that one package alone provides stands for that, as with apt."""
    assert PackageChoice(recipe_of("initramfs-tools"), archive).decide().gave_way == {}


def test_newest_version_counts(recipe_of: Callable[..., Recipe], archive: Archive) -> None:
    """Of several lists' versions of a package the newest is the one that apt takes."""
    write_lists(archive.path, f"{STANZAS}\nPackage: libc\nVersion: 3\n")
    assert PackageChoice(recipe_of("newer", "old"), archive).decide().gave_way == {}


def test_answer_is_remembered(recipe_of: Callable[..., Recipe], archive: Archive, tmp_path: Path) -> None:
    """The same question is answered without the archive's lists; another recipe's is another question."""
    cache = Cache(tmp_path / "cache")
    first = PackageChoice(recipe_of("chrony"), archive).recall(cache)
    (archive.lists / "mirror_Packages").write_text("")
    assert PackageChoice(recipe_of("chrony"), archive).recall(cache) == first
    assert list(first.gave_way) == ["timesyncd"]
    (archive.path / "index.sqlite").unlink()
    with pytest.raises(Exception, match="unable to open"):
        PackageChoice(recipe_of("libc"), archive).recall(cache)


def test_room(recipe_of: Callable[..., Recipe], archive: Archive) -> None:
    """The room to work in is that of the packages' files, of the packages, and some more; what they need counts."""
    big = "Package: big\nVersion: 1\nDepends: huge\nInstalled-Size: 1048576\nSize: 104857600\n"
    huge = "Package: huge\nVersion: 1\nInstalled-Size: 8388608\nSize: 3145728000\n"
    write_lists(archive.path, f"{STANZAS}\n{big}\n{huge}")
    decision = PackageChoice(recipe_of("big"), archive).decide()
    assert (decision.tree_mib, decision.packages_mib) == (9216, 3100)
    assert decision.room_mib == 9216 + 3100 + choice.BESIDE_MIB
