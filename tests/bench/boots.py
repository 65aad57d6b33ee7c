"""Boots: releases in the lab beside the stock configuration of the same packages, in turn, phase by phase.

`make bench-boots RELEASE="output/NAME/VERSION ..."` runs it.  It prints ratios and writes boots.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from machine import machine
from stock import copied, stock

from builder.cache import Cache
from builder.cli.options import cache_at
from builder.lab.cases.case import make_case
from builder.lab.released.release import Release, read_release
from builder.lab.report.report import NodeReport
from builder.lab.run import run
from builder.lab.vocabulary.hardware import Firmware
from builder.lab.vocabulary.phase import Phase
from builder.recipe.choices import RootKind

PROTOCOLS = ("tftp", "http", "nfs")
AT_MOST = 0.6
"""The promise: time to `running`, in units of the stock configuration's."""


class NotBooted(Exception):
    """A node did not get to `running`: its times mean nothing."""


@dataclass(frozen=True)
class Boot:
    """One boot to `running`: seconds of each phase, and of processors in each, and bytes on the wire by protocol."""

    seconds: dict[str, float]
    processor_seconds: dict[str, float]
    bytes: dict[str, int]


@dataclass(frozen=True)
class Contestant:
    """A release that is booted, the boots so far, and the contestant that is its stock configuration, if it has one."""

    name: str
    release: Release
    stock: Contestant | None = None
    boots: list[Boot] = field(default_factory=list)

    def median(self, value: Callable[[Boot], float]) -> float:
        """The median over the boots."""
        return statistics.median(map(value, self.boots))

    def ratio(self, value: Callable[[Boot], float]) -> float:
        """The median, round by round, in units of the stock configuration."""
        assert self.stock is not None
        return statistics.median(
            value(mine) / value(its) for mine, its in zip(self.boots, self.stock.boots, strict=True)
        )


def main() -> None:
    """Boot everything in turn, and tell."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="nfsroot-boots-", dir=options.room) as room:
        contestants = list(_contestants(map(read_release, options.releases), Path(room)))
        for number in range(1, options.rounds + 1):
            for contestant in contestants:
                contestant.boots.append(boot(contestant.release, Cache(options.cache.absolute())))
                print(f"round {number}, {contestant.name}: {_seconds(contestant.boots[-1]):.1f} s", file=sys.stderr)  # noqa: T201
    options.output.mkdir(parents=True, exist_ok=True)
    boots = {each.name: [asdict(boot) for boot in each.boots] for each in contestants}
    (options.output / "boots.json").write_text(json.dumps({"machine": machine(), "boots": boots}, indent=1) + "\n")
    print(told(contestants))  # noqa: T201


def boot(release: Release, cache: Cache) -> Boot:
    """Boot the first node of a release, by BIOS.

    :raises NotBooted: it did not get to `running`.
    """
    node = release.recipe.cluster.nodes[0].name
    cell = run(release, [make_case(release, [node], Firmware.BIOS)], cache, lambda _: None).cells[-1]
    if cell.problem or cell.nodes[0].stopped:
        raise NotBooted(f"{release.directory}: {cell.problem or cell.nodes[0].stopped}")
    return measured(cell.nodes[0])


def measured(node: NodeReport) -> Boot:
    """What a report says of a node's boot."""
    phases = [time for time in node.phases if time.phase is not Phase.CHECKS]
    moved = [time.work.traffic.model_dump() for time in phases]
    return Boot(
        seconds={str(time.phase): time.seconds for time in phases},
        processor_seconds={str(time.phase): time.work.processor_seconds for time in phases},
        bytes={protocol: sum(each[protocol] for each in moved) for protocol in PROTOCOLS},
    )


def told(contestants: Sequence[Contestant]) -> str:
    """A table in Markdown: medians of seconds by phase and of bytes, and ratios to the stock configuration."""
    rows = {phase: _of("seconds", phase) for phase in contestants[0].boots[0].seconds}
    rows["until running"] = _seconds
    rows["processor"] = lambda boot: sum(boot.processor_seconds.values())
    rows |= {f"MB over {protocol.upper()}": _of("bytes", protocol, 1e6) for protocol in PROTOCOLS}
    rows["MB"] = _megabytes
    compared = [each for each in contestants if each.stock]
    names = [*(each.name for each in contestants), *(f"{each.name}, ratio" for each in compared)]
    lines = [_row("", *names), _row("---", *["---"] * len(names))]
    for name, value in rows.items():
        medians = (f"{each.median(value):.1f}" for each in contestants)
        lines.append(_row(name, *medians, *(_ratio(each, value) for each in compared)))
    return "\n".join([*lines, "", *map(_promise, compared)])


def _contestants(releases: Iterable[Release], room: Path) -> Iterator[Contestant]:
    """Each release and before it its stock configuration; copies, since a lab leaves its verdict with what it boots."""
    for release in releases:
        name, other = release.manifest.name, None
        if release.recipe.root.kind is RootKind.DIRECTORY:
            other = Contestant(f"{name}, stock", stock(release, room / "stock"))
            yield other
        yield Contestant(name, copied(release, room / "own"), other)


def _of(field: str, key: str, unit: float = 1.0) -> Callable[[Boot], float]:
    return lambda boot: getattr(boot, field).get(key, 0.0) / unit


def _seconds(boot: Boot) -> float:
    return sum(boot.seconds.values())


def _megabytes(boot: Boot) -> float:
    return sum(boot.bytes.values()) / 1e6


def _ratio(contestant: Contestant, value: Callable[[Boot], float]) -> str:
    assert contestant.stock is not None
    return f"{contestant.ratio(value):.2f}" if all(map(value, contestant.stock.boots)) else ""


def _promise(contestant: Contestant) -> str:
    ratio = contestant.ratio(_seconds)
    verdict = "holds" if ratio <= AT_MOST else "FAILS"
    return (
        f"{verdict:6} {contestant.name}: time to running {ratio:.2f} of the stock configuration's (at most {AT_MOST:g})"
    )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("releases", type=Path, nargs="+", metavar="RELEASE", help="a release's directory")
    parser.add_argument("--rounds", type=int, default=3, help="boots of each")
    cache = cache_at(Path(os.environ["NFSROOT_CACHE_DIR"]) if "NFSROOT_CACHE_DIR" in os.environ else None).root
    parser.add_argument("--cache", type=Path, default=cache, help="the cache")
    parser.add_argument("--room", type=Path, default=Path("/dev/shm"), help="where the stock configurations are made")
    parser.add_argument("--output", type=Path, default=Path("output/bench"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
