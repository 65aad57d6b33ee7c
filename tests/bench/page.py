"""The benchmark's page, and its summary for the terminal."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

WIDTH, HEIGHT, MARGIN = 560.0, 240.0, 80.0


ADDED = "nfsroot, one package added"


class Target(NamedTuple):
    """A promise: what was measured, at most how much it may be, and in which unit."""

    what: str
    measured: float
    most: float
    unit: str

    @property
    def holds(self) -> bool:
        """Whether the promise was kept in this run."""
        return self.measured <= self.most


class Plot(NamedTuple):
    """Points of a chart with logarithmic axes, scaled to it, each with what it says."""

    points: tuple[tuple[float, float, str], ...]

    @property
    def line(self) -> str:
        """The points as an SVG polyline has them."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in self.points)


def targets(measured: dict[str, Any]) -> list[Target]:
    """The promises that this run can judge; those about a peer that is not here are left out."""
    cold, many, warm, found = (
        {each["name"]: each for each in measured["targets"][kind]} for kind in ("cold", "many", "warm", "found")
    )
    kept = [
        Target(f"cold build, in units of {peer}", cold[peer]["ratio"], most, "")
        for peer, most in (("mmdebstrap", 0.5), ("diskimage-builder", 0.3))
        if peer in cold
    ]
    largest, site = measured["inventory"][-1], measured["composition"]
    update, added, node = measured["changes"]
    return [
        *kept,
        Target("one package added, in units of a cold build", 1 / cold[ADDED]["ratio"], 0.35, ""),
        Target("ten recipes, in units of a cold build and nine with a package added", _ten(cold, many), 1.1, ""),
        Target("bases made for ten recipes", measured["targets"]["bases"], 1, ""),
        Target("two recipes at once, in units of one after the other", _two(cold, many), 1.0, ""),
        Target("one node added", warm["nfsroot, one node added"]["median"], 0.6, "s"),
        Target("nothing changed", found["nfsroot, nothing changed"]["median"], 0.2, "s"),
        Target("nfsroot --help", found["nfsroot --help"]["median"], 0.15, "s"),
        Target(f"server bundle of {largest['nodes']} nodes", largest["seconds"], 2.0, "s"),
        Target("its memory", largest["peak_mib"], 300, "MiB"),
        Target(
            f"settings of a site with {site['nodes']} nodes in {site['clusters']} clusters", site["seconds"], 3.0, "s"
        ),
        Target(
            "new in a root tarball after an update, without the kernel",
            _mb(update["root"] - update["kernel"]),
            12,
            "MB",
        ),
        Target("new with a package added, beside its own size", _mb(added["release"] - added["packages"]), 4, "MB"),
        Target("new in a release with a node added", node["release"] / 1e3, 100, "kB"),
        *_store(measured["store"]),
        *_site(measured["site"]),
        Target("memory of a cold build outside the container", cold["nfsroot"]["peak_mib"], 400, "MiB"),
    ]


def _store(store: dict[str, Any]) -> list[Target]:
    """The promises about a store in a directory."""
    times = {each["name"]: each for each in store["times"]}
    listing = next(name for name in times if name.startswith("list of"))
    return [
        Target("first publish, in units of cp and sync", store["ratios"]["first publish / (cp and sync)"], 2, ""),
        Target("fetch, in units of cp and sync", store["ratios"]["fetch / (cp and sync)"], 1.5, ""),
        Target("publish of a node added", times["publish, a node added"]["median"], 0.5, "s"),
        Target("bytes that a node added brings to a store", store["node_bytes"] / 1e3, 100, "kB"),
        Target(listing, times[listing]["median"], 0.3, "s"),
        Target("memory of a publish", times["first publish"]["peak_mib"], 200, "MiB"),
    ]


def _site(site: dict[str, Any]) -> list[Target]:
    """The promises about the verbs of a site."""
    second = "xfs, a second release"
    switch, status = ({each["name"]: each for each in site[kind]} for kind in ("switch", "status"))
    return [
        *(
            Target(f"unpacking on {kind}, in units of tar and sync", unpacked["ratio"], 1.5, "")
            for kind, unpacked in site["unpack"].items()
            if kind != second
        ),
        Target("unpacking a second release of one tree on XFS", site["unpack"][second]["median"], 2.0, "s"),
        Target("switching 1,000 nodes", switch["nfsroot-site switch"]["median"], 0.5, "s"),
        Target("the status of 1,000 nodes", status["status"]["median"], 1.0, "s"),
    ]


def _mb(size: float) -> float:
    return size / 1e6


def _ten(cold: dict[str, Any], many: dict[str, Any]) -> float:
    rounds = zip(_walls(cold["nfsroot"]), _walls(cold[ADDED]), _walls(many["nfsroot, ten recipes"]), strict=True)
    return statistics.median(ten / (one + 9 * added) for one, added, ten in rounds)


def _two(cold: dict[str, Any], many: dict[str, Any]) -> float:
    rounds = zip(_walls(cold[ADDED]), _walls(many["nfsroot, two recipes at once"]), strict=True)
    return statistics.median(two / (2 * added) for added, two in rounds)


def _walls(times: dict[str, Any]) -> list[float]:
    return [run["wall"] for run in times["runs"]]


def exponent(rows: list[dict[str, float]], size: str) -> float:
    """The power of `size` with which seconds grow, at the large end; 1 is linear."""
    before, last = rows[-2:]
    return math.log(last["seconds"] / before["seconds"]) / math.log(last[size] / before[size])


def plot(points: list[tuple[float, float, str]]) -> Plot:
    """Scale points to a chart: both axes logarithmic, the least and the greatest value at its edges."""
    xs, ys = [math.log(x) for x, _, _ in points], [math.log(y) for _, y, _ in points]

    def scale(value: float, values: list[float], length: float) -> float:
        return (value - min(values)) / ((max(values) - min(values)) or 1) * (length - 2 * MARGIN) + MARGIN

    scaled = zip(xs, ys, points, strict=True)
    return Plot(tuple((scale(x, xs, WIDTH), HEIGHT - scale(y, ys, HEIGHT), text) for x, y, (_, _, text) in scaled))


def render(measured: dict[str, Any]) -> str:
    """The page, which needs no other file."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    inventory, levels, growth = measured["inventory"], measured["compression"], measured["growth"]
    return environment.get_template("page.html.j2").render(
        measured=measured,
        targets=targets(measured),
        exponent=exponent(inventory, "nodes"),
        growth_exponent=exponent(growth, "bytes"),
        most=max(change["release"] for change in measured["changes"]),
        longest=max(each["median"] for each in measured["targets"]["cold"]),
        width=WIDTH,
        height=HEIGHT,
        nodes=plot(
            [(each["nodes"], each["seconds"], f"{each['nodes']} nodes: {each['seconds']:.2f} s") for each in inventory]
        ),
        growth=plot(
            [
                (each["bytes"], each["seconds"], f"{each['bytes'] / 1e6:.0f} MB: {each['seconds']:.1f} s")
                for each in growth
            ]
        ),
        levels=plot(
            [
                (
                    each["seconds"],
                    each["size"],
                    f"-{each['level']}: {each['seconds']:.1f} s, {each['size'] / 1e6:.0f} MB",
                )
                for each in levels
            ]
        ),
    )


def summary(measured: dict[str, Any]) -> str:
    """A line for each promise."""
    return "\n".join(
        f"{'holds' if holds else 'FAILS':6} {what}: {value:.2f} {unit} (at most {most:g})"
        for holds, (what, value, most, unit) in ((target.holds, target) for target in targets(measured))
    )
