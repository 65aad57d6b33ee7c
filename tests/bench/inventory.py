"""How a server bundle grows with its cluster: `inventory.py RECIPE NODES` prints seconds, MiB and bytes as JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from ipaddress import IPv4Address, IPv4Network

from builder.cli.running import make_quick
from builder.layout import Layout
from builder.packing import archive
from builder.recipe.load import load
from builder.recipe.models import Node, Recipe
from builder.recipe.search import SearchPath
from builder.server import bundle


def with_nodes(recipe: Recipe, count: int) -> Recipe:
    """The recipe for a cluster of `count` nodes."""
    first = IPv4Address("10.0.1.0")
    nodes = tuple(
        Node(
            name=f"node{number}",
            address=first + number,
            mac=":".join(f"{byte:02x}" for byte in (0x02000000 << 16 | number).to_bytes(6, "big")),
            ordinal=number,
        )
        for number in range(1, count + 1)
    )
    cluster = recipe.cluster.model_copy(update={"nodes": nodes, "subnet": IPv4Network("10.0.0.0/16")})
    return recipe.model_copy(update={"cluster": cluster})


def measure(recipe: Recipe) -> dict[str, float]:
    """What it takes to decide, render and pack everything of a recipe's bundle that is text, for every DHCP server."""
    layout = Layout(recipe, "1.0", "6.12.0-1-amd64", "0")
    began = time.monotonic()
    packed = archive.fragment(bundle.render(layout), 0)
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"nodes": len(recipe.cluster.nodes), "seconds": seconds, "peak_mib": peak, "bytes": len(packed)}


if __name__ == "__main__":
    make_quick()
    print(json.dumps(measure(with_nodes(load(sys.argv[1], SearchPath.default()), int(sys.argv[2])))))  # noqa: T201
