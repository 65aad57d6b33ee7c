from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab_report import cell, node, report

from builder.cli.capacity import rate
from builder.lab.vocabulary.phase import Phase
from builder.release.manifest import FILE, Manifest

Nfsroot = Callable[..., Any]


@pytest.fixture
def release(tmp_path: Path, manifest: Manifest) -> Path:
    """A release of which a node booted alone."""
    (tmp_path / FILE).write_text(manifest.text())
    (tmp_path / "lab.json").write_text(report(cell(node())).text())
    return tmp_path


def test_table_tells_limit_and_changes(nfsroot: Nfsroot, release: Path) -> None:
    """Every phase stands there with its limit, then the whole, then what would change it."""
    ended = nfsroot("capacity", str(release), "--nodes", "1000", "--link", "10G")
    assert ended.status == 0
    assert "1000 nodes at once; 1 x 10 Gbit/s" in ended.out
    assert all(f"\n{phase} " in ended.out for phase in Phase if phase is not Phase.CHECKS)
    assert "All nodes run after" in ended.out
    assert [what in ended.out for what in ("over HTTP", "image", "2 servers", "a node every")] == [True] * 4


@pytest.mark.parametrize(("nodes", "servers", "warned"), [(64, 1, False), (65, 1, True), (1000, 16, False)])
def test_settings_for_fewer_nodes_are_told(
    nfsroot: Nfsroot, release: Path, nodes: int, servers: int, *, warned: bool
) -> None:
    """More nodes than the settings of the release carry, of a cluster of four, are warned of."""
    ended = nfsroot("capacity", str(release), "--nodes", str(nodes), "--servers", str(servers))
    assert ended.status == 0
    assert ("The settings of this release carry 64 nodes a server" in ended.out) is warned


def test_json_has_the_same(nfsroot: Nfsroot, release: Path) -> None:
    """As JSON the estimate tells every load of every phase; without --nodes it is for the cluster's."""
    told = json.loads(nfsroot("capacity", str(release), "--node-link", "2.5G", "--json").out)
    assert told["site"]["nodes"] == 4
    assert told["site"]["node_link"] == 2.5e9
    assert told["settings_carry"] == 64
    assert [phase["phase"] for phase in told["estimate"]["phases"]] == list(Phase)[:-1]
    assert all(phase["loads"] for phase in told["estimate"]["phases"])
    assert {"what", "seconds", "limit"} == set(told["changes"][0])


@pytest.mark.parametrize("link", ["fast", "0", "10T", "-1G", ""])
def test_what_is_no_rate(nfsroot: Nfsroot, release: Path, link: str) -> None:
    """A link's rate is a number above zero and a unit."""
    ended = nfsroot("capacity", str(release), "--link", link)
    assert ended.status == 2
    assert "is no rate in bit/s" in ended.err


def test_release_has_to_be_measured(nfsroot: Nfsroot, release: Path) -> None:
    """Without the lab's report there is no estimate but the command to get one."""
    (release / "lab.json").unlink()
    ended = nfsroot("capacity", str(release))
    assert ended.status == 2
    assert "-> Run `nfsroot lab " in ended.err


@pytest.mark.parametrize(("bits", "text"), [(1e10, "10 G"), (2.5e9, "2.5 G"), (1e8, "100 M"), (9600, "9.6 k")])
def test_rate_in_words(bits: float, text: str) -> None:
    """A rate is told with the largest unit that it has one of."""
    assert rate(bits) == text
