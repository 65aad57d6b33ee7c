"""How long a switch of 1,000 nodes takes, beside the bundle's install.sh and beside the least that anybody must do.

`make bench-switch` runs it.  All of them give 1,000 nodes 3,000 other menus below a directory, without services.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

from contest import Contestant, Times, contest
from machine import machine

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "unit" / "server")]

from server_recipes import with_nodes  # noqa: E402
from unpacked_site import unpack  # noqa: E402

from builder.recipe.load import load  # noqa: E402
from builder.recipe.models import Recipe  # noqa: E402
from builder.recipe.search import SearchPath  # noqa: E402
from builder.release_names import MENUS  # noqa: E402
from builder.site.places import Places  # noqa: E402
from builder.site.records import BUNDLE  # noqa: E402

RECIPE, VERSIONS = "debian-nfsroot", ("1.0", "1.1")
SITE = Path(sys.executable).with_name("nfsroot-site")
LEAST = (
    'cp -r "$1" "$0/new"; sync -f "$0/new"; mv -T "$0/new" "$0/$2"; ln -s "$2" "$0/link"; mv -T "$0/link" "$0/menus"'
)
"""A shell's commands for a new generation of the menus in $1, called $2, below the directory $0."""


def main() -> None:
    """Measure, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--room", type=Path, help="where all work")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nfsroot-bench-", dir=options.room) as directory:
        times = measure_switch(Path(directory), options.nodes, options.rounds)
    print(machine())  # noqa: T201
    for each in times.values():
        print(f"{each.name:24} {each.median:6.2f} s  {each.peak_mib:6.0f} MiB")  # noqa: T201


def measure_switch(room: Path, nodes: int, rounds: int) -> dict[str, Times]:
    """The times of everybody by name."""
    recipe = with_nodes(load(RECIPE, SearchPath.default()), nodes)
    return contest(list(prepare(recipe, room)), rounds, room / "log")


def prepare(recipe: Recipe, room: Path) -> Iterator[Contestant]:
    """The contestants, each with a server of its own that has two releases."""
    ours, theirs, least = (Places(room / name) for name in ("ours", "theirs", "least"))
    for places in (ours, theirs, least):
        for number, version in enumerate(VERSIONS):
            unpack(places, recipe, version, number)
    (least.root / "grub").mkdir()
    yield alternating("nfsroot-site switch", lambda version: [str(SITE), "--root", str(ours.root), *words(version)])
    yield alternating("install.sh", lambda version: ["sh", bundle(theirs, version, "install.sh"), *root(theirs)])
    generation = (str(number) for number in range(1_000_000))
    yield alternating(
        "cp -r, sync, ln",
        lambda version: ["sh", "-ec", LEAST, str(least.root / "grub"), bundle(least, version, MENUS), next(generation)],
    )


def alternating(name: str, argv: Callable[[str], list[str]]) -> Contestant:
    """A contestant that takes the other version each time."""
    versions, words_of_now = cycle(VERSIONS), list[str]()

    def turn() -> None:
        words_of_now[:] = argv(next(versions))

    turn()
    return Contestant(name, words_of_now, turn)


def words(version: str) -> list[str]:
    """The words that have nodes boot a version."""
    return ["switch", RECIPE, version]


def bundle(places: Places, version: str, path: str) -> str:
    """A file of the bundle of a version."""
    return str(places.releases / RECIPE / version / BUNDLE / path)


def root(places: Places) -> list[str]:
    """What has install.sh install below the directory of a server."""
    return ["--root", str(places.root), "--replace"]


if __name__ == "__main__":
    if shutil.which("grub-script-check") is None:
        sys.exit("grub-script-check is missing, which all menus are checked with: apt install grub-common")
    main()
