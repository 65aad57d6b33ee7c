"""The benchmark: nfsroot beside its peers, on the same packages, on this machine, in one run.

`make bench` runs it.  It writes bench.json and bench.html, which print machine, versions and every command.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import page
from changes import measure_changes
from compression import of_initramfs, of_tree
from contest import Times, contest
from directory_store import measure_directory, ratios
from machine import machine
from own import GROWING, Own
from peers import Peers, missing
from site_status import measure_status
from switching import measure_switch
from unpacking import measure_unpack

from builder.cache import Cache
from builder.cli.options import cache_at
from builder.recipe.load import load
from builder.recipe.search import SearchPath

HERE = Path(__file__).parent
NODES = (10, 100, 1000, 10_000)
CLUSTERS = 10
"""The number of clusters of a site with the largest number of nodes."""
MANY = 1000
"""The nodes of a site that is switched, and asked for its status."""
FEW, SHORT = 3, 9
"""Rounds of what takes a second or two with a large tree, and of what takes less."""
FILES = {"root tarball": "*-root.tar.zst", "initramfs": "initrd.img-*", "kernel": "vmlinuz-*"}
"""Files of a release whose sizes are told."""


def main() -> None:
    """Measure, and write what came of it."""
    options = _options()
    recipe = load(options.recipe, SearchPath.default())
    tools = Path(sys.executable).parent
    with tempfile.TemporaryDirectory(prefix="nfsroot-bench-", dir=options.room) as directory:
        room = Path(directory)
        own = Own(recipe, room / "own", Cache(options.cache.absolute()), tools / "nfsroot")
        sections: dict[str, Callable[[], Any]] = {
            "machine": _machine,
            "targets": lambda: measure(own, Peers(recipe, room, tools), options, room),
            "sizes": lambda: {kind: _only(own, pattern).stat().st_size for kind, pattern in FILES.items()},
            "inventory": lambda: [_script("inventory", options.recipe, str(count)) for count in NODES],
            "composition": lambda: _script("composition", options.recipe, str(NODES[-1]), str(CLUSTERS)),
            "compression": lambda: [asdict(level) for level in of_tree(_only(own, FILES["root tarball"]), room)],
            "initramfs_compression": lambda: [
                asdict(level) for level in of_initramfs(_only(own, FILES["initramfs"]), room)
            ],
            "changes": lambda: [change._asdict() for change in measure_changes(own)],
            "store": lambda: store(own, options.disk, options.rounds),
            "site": lambda: site(own, room, options.rounds),
            "growth": lambda: growth(own, room),  # last: what it builds is no release of the recipe's own packages
        }
        if unknown := set(options.sections or ()) - sections.keys():
            sys.exit(f"there is no section {', '.join(sorted(unknown))}: choose from {', '.join(sections)}")
        options.output.mkdir(parents=True, exist_ok=True)
        results = options.output / "bench.json"
        measured = json.loads(results.read_text()) if options.sections and results.exists() else {}
        measured |= {"recipe": options.recipe, "packages": list(recipe.packages)}
        own.fetch()
        own.write()
        own.make()
        for name in options.sections or sections:
            print(f"{time.strftime('%H:%M:%S')} {name}", flush=True)  # noqa: T201
            measured[name] = sections[name]()
            # After each section: a failure in a later one, half an hour on, loses nothing.
            results.write_text(json.dumps(measured, indent=1) + "\n")
    if measured.keys() >= sections.keys():
        (options.output / "bench.html").write_text(page.render(measured))
        print(page.summary(measured))  # noqa: T201


def measure(own: Own, peers: Peers, options: argparse.Namespace, room: Path) -> dict[str, Any]:
    """Each contest by its name: the times of everybody in it."""
    log = room / "log"
    peers.fetch()
    singly, together = [own.cold(), own.package_added(), *peers.all()], [own.two_at_once(), own.ten()]
    times = contest([*singly, *together], options.rounds, log)
    cold, many = ({each.name: times[each.name] for each in some} for some in (singly, together))
    bases = own.bases  # that ten recipes share: they came last
    own.write()
    own.make()
    warm = contest([own.node_added(), *own.floor()], SHORT, log)
    found = contest([own.unchanged(), own.help()], SHORT, log)
    contests = {"cold": cold, "many": many, "warm": warm, "found": found}
    return {**{name: _told(times) for name, times in contests.items()}, "bases": bases}


def store(own: Own, disk: Path, rounds: int) -> dict[str, Any]:
    """Publishing to a directory, fetching and listing: seconds, ratios to cp in the same run, bytes of a node added.

    The store is on a disk: in memory, which needs no sync, a copy costs nothing but itself.
    """
    with tempfile.TemporaryDirectory(prefix="nfsroot-bench-", dir=disk) as directory:
        room = Path(directory)
        releases = [
            shutil.copytree(release, room / "releases" / release.parent.name / release.name)
            for release in two_releases(own)
        ]
        measured = measure_directory(room / "store", *releases, rounds)
    return {"times": _told(measured.times), "ratios": ratios(measured), "node_bytes": measured.node_bytes}


def site(own: Own, room: Path, rounds: int) -> dict[str, Any]:
    """The verbs of a site: unpacking on each file system, switching 1,000 nodes, and their status."""
    places = {name: room / f"site-{name}" for name in ("unpack", "switch", "status")}
    for place in places.values():
        place.mkdir()
    unpacked = measure_unpack(*two_releases(own), rounds, places["unpack"])
    return {
        "unpack": {kind: {"median": one.median, "ratio": one.ratio(other)} for kind, (one, other) in unpacked.items()},
        "switch": _told(measure_switch(places["switch"], MANY, SHORT)),
        "status": _told(measure_status(places["status"], SHORT)),
    }


def two_releases(own: Own) -> tuple[Path, Path]:
    """The directories of a release, and of one with a node more, both made anew."""
    own.write()
    own.drop_releases()
    own.make()
    first = own.release()
    own.write(nodes=5)
    own.make()
    return first, own.release()


def growth(own: Own, room: Path) -> list[dict[str, float]]:
    """Trees of several sizes: their bytes, and seconds of a cold build, of one with a node more, and of its floor."""
    grown = []
    for packages in GROWING:
        (cold,) = contest([own.grown(packages)], 1, room / "log").values()
        node, *floor = contest([own.node_added(packages), *own.floor()], FEW, room / "log").values()
        times = {"seconds": cold.median, "node_added": node.median, "floor": sum(each.median for each in floor)}
        grown.append({"bytes": own.tree_bytes(), **times})
    return grown


def _told(times: dict[str, Times]) -> list[dict[str, Any]]:
    first = next(iter(times.values()))
    return [
        {**asdict(each), "median": each.median, "peak_mib": each.peak_mib, "ratio": first.ratio(each)}
        for each in times.values()
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="kerrighed", help="the recipe whose packages everybody gets")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of what takes long")
    cache = cache_at(Path(os.environ["NFSROOT_CACHE_DIR"]) if "NFSROOT_CACHE_DIR" in os.environ else None).root
    parser.add_argument("--cache", type=Path, default=cache, help="a cache in which the recipe was built")
    parser.add_argument("--room", type=Path, default=Path("/dev/shm"), help="where all work: memory")
    parser.add_argument("--disk", type=Path, default=Path("/var/tmp"), help="where a store is kept: a disk")
    parser.add_argument("--output", type=Path, default=Path("output/bench"))
    parser.add_argument(
        "--sections", nargs="+", help="measure these anew, and keep what OUTPUT/bench.json has of others"
    )
    return parser.parse_args()


def _only(own: Own, pattern: str) -> Path:
    (file,) = own.release().glob(pattern)
    return file


def _script(name: str, *arguments: str) -> dict[str, float]:
    """What a script beside this one measured, in a process of its own."""
    argv = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    told: dict[str, float] = json.loads(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)
    return told


def _machine() -> dict[str, Any]:
    tools = [
        "mmdebstrap --version",
        "debootstrap --version",
        "mkosi --version",
        f"{Path(sys.executable).parent}/pip show diskimage-builder",
    ]
    return {
        **machine(),
        "missing": missing(),
        "versions": [_version(tool.split()) for tool in tools],
    }


def _version(argv: list[str]) -> str:
    try:
        said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return f"{argv[0]} is not here"
    return " ".join(said.splitlines()[:2])


if __name__ == "__main__":
    main()
