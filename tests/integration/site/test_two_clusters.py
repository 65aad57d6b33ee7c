"""Two recipes with clusters of their own on one server, as somebody types it: unpack, switch, remove one of them."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
from made_releases import Made, with_changes
from unpack_case import TREE, recipe, site

from builder.recipe.models import Node, Recipe
from builder.site.places import Places


def gpu(**changes: Any) -> Recipe:
    """The recipe `gpu`, for two nodes in 10.7.0.0/24."""
    nodes = tuple(
        Node(name=f"gpu{n}", address=IPv4Address(f"10.7.0.1{n}"), mac=f"52:54:00:07:00:0{n}", ordinal=n) for n in (1, 2)
    )
    subnet = IPv4Network("10.7.0.0/24")
    own: Mapping[str, Any] = {
        "image__name": "gpu",
        "root__path": "/NFSROOT/gpu",
        "root__state": "/NFSROOT/gpu/state",
        "cluster__name": "gpu",
        "cluster__nodes": nodes,
        "cluster__subnet": subnet,
        "cluster__broadcast": subnet.broadcast_address,
        "cluster__gateway": subnet[1],
        "cluster__server__address": subnet[1],
    }
    changed: Recipe = with_changes(recipe("debian-nfsroot"), **{**own, **changes})
    return changed


def settings(places: Places) -> dict[str, str]:
    """All settings of the server, by path."""
    etc = places.root / "etc"
    return {str(file.relative_to(etc)): file.read_text() for file in etc.rglob("*") if file.is_file()}


@pytest.fixture
def served(places: Places, tmp_path: Path) -> Places:
    """A server that serves the recipe `debian-nfsroot`."""
    (places.root / "etc").mkdir(exist_ok=True)
    release = Made(recipe("debian-nfsroot"), "1.0", tree=TREE).write(tmp_path)
    for words in (("unpack", release), ("switch", "debian-nfsroot", "1.0")):
        done = site(places, *words)
        assert done.returncode == 0, done.stderr
    return places


def test_a_second_cluster_comes_and_goes(served: Places, tmp_path: Path) -> None:
    """The first cluster's settings are the same before and after."""
    before = settings(served)
    release = Made(gpu(), "1.0", tree=TREE).write(tmp_path)
    for words in (("unpack", release), ("switch", "gpu", "1.0")):
        done = site(served, *words)
        assert done.returncode == 0, done.stderr
    both = settings(served)
    assert "host gpu1 " in both["dhcp/dhcpd.conf"]
    assert "host ssi1 " in both["dhcp/dhcpd.conf"]
    assert {"ssi1", "gpu2.cfg"} <= {file.name for file in served.menus.iterdir()}
    done = site(served, "remove", "gpu", "--force")
    assert done.returncode == 0, done.stderr
    assert settings(served) == before
    assert not (served.menus / "gpu1").exists()
    assert not (served.root / "NFSROOT/gpu/1.0").exists()


def test_a_release_that_exports_what_another_one_does_is_not_unpacked(served: Places, tmp_path: Path) -> None:
    """The refusal names both recipes, and leaves nothing for the next verb to finish."""
    release = Made(gpu(root__state="/NFSROOT/debian-nfsroot/state"), "1.0", tree=TREE).write(tmp_path)
    before = settings(served)
    refused = site(served, "unpack", release)
    assert refused.returncode == 3
    assert "/NFSROOT/debian-nfsroot/state/nodes is exported by both recipe debian-nfsroot, cluster" in refused.stderr
    assert "and recipe gpu, cluster gpu" in refused.stderr
    assert settings(served) == before
    assert not (served.root / "NFSROOT/gpu").exists()
    again = site(served, "switch", "debian-nfsroot", "1.0", "--dry-run")
    assert again.stderr == ""


def test_nodes_of_two_recipes_are_not_switched_to(served: Places, tmp_path: Path) -> None:
    """A node that another recipe serves is refused at the switch, before anything changes; removing helps."""
    clash = gpu(cluster__nodes=(gpu().cluster.nodes[0].model_copy(update={"mac": "52:54:00:00:01:01"}),))
    release = Made(clash, "1.0", tree=TREE).write(tmp_path)
    assert site(served, "unpack", release).returncode == 0
    before = settings(served)
    refused = site(served, "switch", "gpu", "1.0")
    assert refused.returncode == 3
    assert "the MAC address 52:54:00:00:01:01 has both recipe gpu, cluster gpu, node gpu1 and recipe" in refused.stderr
    assert settings(served) == before
    done = site(served, "remove", "gpu")
    assert done.returncode == 0, done.stderr
