"""How long a site takes to compose the settings of many clusters: `composition.py RECIPE NODES CLUSTERS` prints JSON.

The releases are read from their records, as a verb does it; of the three DHCP servers the slowest counts.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from builder.cli.running import make_quick
from builder.layout import Layout
from builder.recipe.load import load
from builder.recipe.models import Node, Recipe
from builder.recipe.search import SearchPath
from builder.server.settings import decide
from builder.settings.release import FILE
from builder.site.composition import compose
from builder.site.options import Options, choices
from builder.site.places import Places
from builder.site.records import BUNDLE, Origin, read_records, write_origin
from builder.site.state import Serving, SiteState

VERSION = "1.0"


def in_cluster(recipe: Recipe, number: int, count: int) -> Recipe:
    """The recipe as one of its own, for a cluster of `count` nodes in the subnet 10.NUMBER.0.0/16."""
    subnet, first = IPv4Network(f"10.{number}.0.0/16"), IPv4Address(f"10.{number}.1.0")
    nodes = tuple(
        Node(
            name=f"c{number}n{node}",
            address=first + node,
            mac=":".join(f"{byte:02x}" for byte in (0x020000000000 | number << 16 | node).to_bytes(6, "big")),
            ordinal=node,
        )
        for node in range(1, count + 1)
    )
    server = recipe.cluster.server.model_copy(update={"address": subnet[1]})
    own = {"name": f"cluster{number}", "nodes": nodes, "subnet": subnet, "broadcast": subnet[-1], "gateway": subnet[1]}
    root = recipe.root.model_copy(update={"path": f"/NFSROOT/recipe{number}", "state": Path(f"/srv/recipe{number}")})
    return recipe.model_copy(
        update={
            "image": recipe.image.model_copy(update={"name": f"recipe{number}"}),
            "cluster": recipe.cluster.model_copy(update={**own, "server": server}),
            "root": root,
        }
    )


def write_record(recipe: Recipe, places: Places) -> None:
    """Write the record of a release of the recipe, as if it was unpacked."""
    asked = decide(Layout(recipe, VERSION, "6.12.0-1-amd64", "0"))
    directory = places.releases / asked.name / VERSION
    (directory / BUNDLE).mkdir(parents=True)
    (directory / BUNDLE / FILE).write_text(asked.text(), encoding="utf-8")
    write_origin(directory, Origin("/releases", 1, "0" * 64))


def measure(recipe: Recipe, nodes: int, clusters: int) -> dict[str, float]:
    """Compose the settings of so many nodes in so many clusters for each DHCP server."""
    with tempfile.TemporaryDirectory(prefix="nfsroot-bench-") as directory:
        places = Places(Path(directory))
        for number in range(1, clusters + 1):
            write_record(in_cluster(recipe, number, nodes // clusters), places)
        state = SiteState({f"recipe{number}": Serving(VERSION) for number in range(1, clusters + 1)})
        seconds = [_compose(places, state, program) for program in choices()["dhcp"]]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"nodes": nodes, "clusters": clusters, "seconds": max(seconds), "peak_mib": peak}


def _compose(places: Places, state: SiteState, program: str) -> float:
    began = time.monotonic()
    found = compose(state, read_records(places), Options({"dhcp": program}))
    seconds = time.monotonic() - began
    assert len(found.programs) > 2, "every role has its program"
    return seconds


if __name__ == "__main__":
    make_quick()
    found = measure(load(sys.argv[1], SearchPath.default()), int(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps(found))  # noqa: T201
