"""What stands in an overlay."""

from __future__ import annotations

from typing import Any

import pytest
from layouts import layout_of
from overlay_recipes import SHADOW, recipe_of
from syrupy.assertion import SnapshotAssertion

from builder.overlay.render import render
from builder.recipe.models import Recipe
from builder.rendered_files import RenderedFile
from builder.tree.owned_paths import OWNED_PATHS


def texts(files: tuple[RenderedFile, ...]) -> dict[str, str]:
    """Each file's text under its path, mode and group."""
    return {f"{file.path} {file.mode:04o} 0:{file.gid}": file.content.decode() for file in files}


def test_read_only_root(read_only: Recipe, snapshot: SnapshotAssertion) -> None:
    """A read-only root mounts every writable directory that its recipe names."""
    assert texts(render(layout_of(read_only, kernel="6.1.0-1-amd64"), SHADOW)) == snapshot


def test_read_write_root(read_write: Recipe, snapshot: SnapshotAssertion) -> None:
    """Kerrighed's root is one read-write export, with /config and the cluster's file."""
    assert texts(render(layout_of(read_write, kernel="6.1.0-1-amd64"), SHADOW)) == snapshot


def test_paths_are_owned_and_sorted(read_only: Recipe, read_write: Recipe) -> None:
    """An overlay is sorted by path and holds owned paths only, and together the recipes use every one but hostname."""
    recipes = (
        read_only,
        read_write,
        recipe_of(debian={"packages": ["chrony"]}),
        recipe_of(logs={"server": "10.0.0.1"}),
    )
    paths = [[file.path for file in render(layout_of(recipe), SHADOW)] for recipe in recipes]
    assert all(each == sorted(each) for each in paths)
    assert set().union(*paths) == OWNED_PATHS - {"etc/hostname"}


def test_what_the_recipe_does_not_ask_for_is_absent() -> None:
    """Without keys, NTP servers and a cluster file there are no files for them, and root is locked."""
    quiet = recipe_of().cluster.model_dump() | {"ntp": ()}
    recipe = recipe_of(cluster=quiet, kerrighed={"cluster_file": False})
    files = {file.path: file.content for file in render(layout_of(recipe), SHADOW.replace("root:*", "root:secret"))}
    assert not {"etc/ssh/authorized_keys/root", "etc/kerrighed_nodes"} & files.keys()
    assert "etc/systemd/timesyncd.conf.d/nfsroot.conf" not in files
    assert files["etc/shadow"].startswith(b"root:*:")


def test_time_servers_go_to_the_recipes_daemon() -> None:
    """A tree with chrony has the cluster's NTP servers where chrony looks for them, and not in timesyncd's place."""
    files = {file.path: file.content for file in render(layout_of(recipe_of(debian={"packages": ["chrony"]})), SHADOW)}
    assert files["etc/chrony/sources.d/nfsroot.sources"].endswith(b"\nserver ntp.mycluster.home iburst\n")
    assert "etc/systemd/timesyncd.conf.d/nfsroot.conf" not in files


def test_rendering_is_repeatable(read_only: Recipe) -> None:
    """The same recipe renders to the same bytes."""
    assert render(layout_of(read_only), SHADOW) == render(layout_of(read_only), SHADOW)


def test_ten_thousand_nodes() -> None:
    """A cluster of 10,000 nodes renders to one line per node."""
    recipe = recipe_of(nodes=10_000, kerrighed={})
    files = {file.path: file.content for file in render(layout_of(recipe), SHADOW)}
    assert files["etc/hosts"].count(b".mycluster.home ssi") == 10_000
    assert files["etc/kerrighed_nodes"].count(b":eth0\n") == 10_000


@pytest.mark.parametrize(
    ("tables", "place", "options"),
    [
        ({}, "192.168.0.1:/srv/nfsroot/reports/nfs", "vers=3"),
        ({"root": {"path": "/NFSROOT/base", "nfs_version": 4}}, "192.168.0.1:/srv/nfsroot/reports/nfs", "vers=4"),
        ({"boot": {"transport": "http"}}, "http://192.168.0.1/report", ""),
        ({"root": {"path": "/NFSROOT/base", "kind": "image", "transport": "http"}}, "http://192.168.0.1/report", ""),
    ],
)
def test_nodes_report_over_what_their_root_comes_over(tables: dict[str, Any], place: str, options: str) -> None:
    """Where an HTTP server serves nodes they report to it; elsewhere they mount as their root is mounted, softly."""
    files = {file.path: file.content.decode() for file in render(layout_of(recipe_of(**tables)), SHADOW)}
    settings = dict(line.split("=", 1) for line in files["etc/nfsbooted/nfsbooted.conf"].splitlines() if line[0] != "#")
    assert settings["REPORT"] == place
    assert settings.get("REPORT_OPTIONS", "").rpartition(",")[2] == options
    assert settings.get("REPORT_OPTIONS", "soft,").startswith("soft,")
