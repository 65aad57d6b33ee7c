"""The boot storm: what `nfsroot capacity` estimates beside what happens, on this machine.

`make bench-storm` runs it.  Nodes boot in the lab's rack, 1, 2, 4 and 8 at once; hundreds of simulated nodes ask
the same servers for what one of them was seen to ask for; and every node of a large cluster asks for its lease at once.
Whoever runs here, nodes, servers and lab, shares this machine's processors, and so does the model's site.

It writes storm.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from crowd import at_once, serving
from leases import leases
from recording import recording

from builder.cache import Cache
from builder.capacity.measurement import Daemon, Stage, of
from builder.capacity.model import Site, estimate
from builder.cli.options import cache_at
from builder.lab import run
from builder.lab.cases.case import make_case
from builder.lab.rack.rack import BRIDGE, Rack
from builder.lab.released.release import Release, read_release
from builder.lab.report.report import RoundTrips, Traffic
from builder.lab.vocabulary.hardware import Firmware
from builder.lab.vocabulary.phase import Phase
from builder.recipe.choices import DhcpServer

HERE = Path(__file__).parent
BOOTS = (1, 2, 4, 8)
SIMULATED = (10, 50, 200)
CLIENTS = 500
PROCESSORS = len(os.sched_getaffinity(0))
NODE_MIB = 1300
"""What QEMU takes for a node: its memory, and the instructions that it has translated."""

FREE = 1e15
"""The rate in bit/s of a network that is none."""

RECIPE = """\
extends = "{base}"
[image]
name = "{name}"
[cluster]
name = "storm"
domain = "storm.example"
subnet = "10.0.0.0/16"
[cluster.server]
name = "server"
address = "10.0.255.1"
[[cluster.nodes]]
names = "node[1-{nodes}]"
addresses = "{addresses}"
macs = [{macs}]
"""

Row = dict[str, Any]


def site(nodes: int) -> Site:
    """So many nodes that share this machine's processors, and no network."""
    return Site(nodes, FREE, FREE, 0.0, PROCESSORS, shared_processors=PROCESSORS)


def row(what: str, nodes: int, estimated: float, measured: float) -> Row:
    """An estimate, what was measured, and by how much the estimate is off."""
    error = estimated / measured - 1
    print(f"{what:10} {nodes:5} nodes: {estimated:7.1f} s estimated, {measured:7.1f} s measured, {error:+.0%}")  # noqa: T201
    return {"what": what, "nodes": nodes, "estimated": estimated, "measured": measured, "error": error}


def boots(release: Release, counts: Sequence[int], room: Path, cache: Cache) -> Iterator[Row]:
    """Nodes that boot at once, without the lab's checks, which would take processors from those that still boot.

    The estimate is made of a node that the lab boots alone.
    """
    node = release.recipe.cluster.nodes[0].name
    run.run(release, [make_case(release, [node], Firmware.BIOS)], cache, lambda _: None)
    stages = of(release).stages
    for count in counts:
        estimated = estimate(stages, site(count))
        phases = at_once(release, count, room / f"{count}-boots", cache)
        told = row("boots", count, estimated.seconds, max(sum(each.values()) for each in phases))
        for phase in estimated.phases:
            measured = fmean(each[phase.phase] for each in phases)
            print(f"{'':10} {phase.phase:10}: {phase.seconds:7.1f} s estimated, {measured:7.1f} s measured")  # noqa: T201
            told[phase.phase] = {"estimated": phase.seconds, "measured": measured}
        yield told


def affordable(counts: Sequence[int]) -> list[int]:
    """As many of the counts as there is memory for: beyond it Linux kills somebody."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:"))
    return [count for count in counts if count * NODE_MIB < free]


def simulated(release: Release, counts: Sequence[int], room: Path, cache: Cache) -> Iterator[Row]:
    """Simulated nodes, by TFTP and by NFS; the estimate is made of the first, smallest number of them.

    Each row has seconds of processors for one node, too: `processor` are its own, `served` are the server's.
    """
    room.mkdir()
    with serving(release, room, cache) as running:
        file = room / "recording.json"
        bridge, node = running.listen(running.server.interface or BRIDGE), release.recipe.cluster.nodes[0]
        with recording(bridge) as taken, running.power_on(node, Firmware.BIOS) as virtual:
            virtual.wait_until_running()
        file.write_text(taken.text())
        alone, few = replay(running, file, 1), replay(running, file, counts[0])
        stages = {name: stage(name, alone[name], few[name]) for name in few if few[name]["bytes"]}
        for count in counts:
            told = few if count == counts[0] else replay(running, file, count)
            for name, each in stages.items():
                work = {whose: told[name][whose] for whose in ("processor", "served")}
                yield row(name, count, estimate((each,), site(count)).seconds, told[name]["seconds"]) | work


def stage(name: str, alone: dict[str, float], few: dict[str, float]) -> Stage:
    """What a simulated node does by one protocol: its time when it is alone, processor time as a mean of a few."""
    return Stage(
        phase=Phase.SYSTEMD if name == "nfs" else Phase.GRUB,
        seconds=alone["seconds"],
        processor=few["processor"],
        traffic=Traffic(**{name: int(few["bytes"])}),
        round_trips=RoundTrips(),
        daemons=(Daemon(name, few["served"], None),),
        lab=0.0,
    )


def replay(running: Rack, file: Path, nodes: int) -> dict[str, dict[str, float]]:
    """So many simulated nodes; each protocol with the processor seconds, too, that its server used for one node."""
    before = _served(running)
    address = str(running.release.recipe.cluster.server.address)
    answer = running.run_on_network([sys.executable, str(HERE / "replay.py"), str(file), address, str(nodes)])
    if answer.status:
        raise RuntimeError(answer.text)
    told: dict[str, dict[str, float]] = json.loads(answer.text)
    after = _served(running)
    for name, each in told.items():
        each["served"] = (after.get(name, 0.0) - before.get(name, 0.0)) / nodes
    return told


def _served(running: Rack) -> dict[str, float]:
    used = running.server_machine.processor_seconds()
    return {role: seconds for daemon, seconds in used.items() for role in daemon.roles}


def build(base: str, name: str, nodes: int, room: Path, cache: Path) -> Release:
    """A release of a recipe with so many nodes."""
    numbers = range(1, nodes + 1)
    recipe = room / f"{name}.toml"
    macs = ", ".join(f'"52:54:00:00:{number >> 8:02x}:{number & 255:02x}"' for number in numbers)
    addresses = f"10.0.1.[1-{nodes}]" if nodes < 255 else f"10.0.[1-{nodes // 250}].[1-250]"
    recipe.write_text(RECIPE.format(base=base, name=name, nodes=nodes, addresses=addresses, macs=macs))
    places = [f"--cache-dir={cache}", f"--output={room / 'output'}"]
    subprocess.run([Path(sys.executable).with_name("nfsroot"), "build", recipe, *places], check=True)
    return read_release(next((room / "output" / name).iterdir()))


def main() -> None:
    """Measure, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="debian-nfsroot")
    cache_directory = os.environ.get("NFSROOT_CACHE_DIR")
    cache = cache_at(Path(cache_directory) if cache_directory else None).root
    parser.add_argument("--cache", type=Path, default=cache, help="a cache in which the recipe was built")
    parser.add_argument("--room", type=Path, default=Path("/dev/shm"), help="where all work: memory")
    parser.add_argument("--output", type=Path, default=Path("output/bench"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nfsroot-storm-", dir=options.room) as directory:
        room, cache = Path(directory), Cache(options.cache.absolute())
        many = build(options.recipe, "leases", CLIENTS, room, cache.root)
        told = [asdict(leases(many, server, room / server, cache)) for server in DhcpServer]
        print("\n".join(f"{each['server']}: {each['clients']} leases in {each['seconds']:.2f} s" for each in told))  # noqa: T201
        release = build(options.recipe, "storm", max(BOOTS), room, cache.root)
        rows = [
            *simulated(release, SIMULATED, room / "simulated", cache),
            *boots(release, affordable(BOOTS), room, cache),
        ]
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "storm.json").write_text(
        json.dumps({"processors": PROCESSORS, "rows": rows, "leases": told}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
