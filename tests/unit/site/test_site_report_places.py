"""The places of nodes' reports: made where something serves, and exported to every cluster that reports over NFS."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from made_sites import asked, in_cluster, serving, unpack

from builder.recipe.models import Recipe
from builder.site.composition import compose
from builder.site.places import Places
from builder.site.records import read_records
from builder.site.report_places import make_report_directories
from builder.site.strangers import left_exports

KERNEL, GANESHA = "etc/exports.d/nfsroot-reports.exports", "etc/ganesha/exports.d/nfsroot-reports.conf"


@pytest.mark.parametrize("nfs", ["kernel", "ganesha"])
def test_every_cluster_over_nfs_may_report(tmp_path: Path, debian: Recipe, nfs: str) -> None:
    """One directory is exported once, to the networks of both clusters, and to no other."""
    places = Places(tmp_path)
    first, second, over_http = (in_cluster(asked(debian), name, number) for number, name in enumerate("abc", 1))
    releases = [
        replace(each, programs={**each.programs, "nfs": nfs, **({"http": "nginx"} if each is over_http else {})})
        for each in (first, second, over_http)
    ]
    for release in releases:
        unpack(places, release)
    files = compose(serving(*releases), read_records(places)).files
    text = files[KERNEL if nfs == "kernel" else GANESHA]
    assert [f"10.{number}.0.0/24" in text for number in (1, 2, 3)] == [True, True, False]
    assert text.count("fsid=" if nfs == "kernel" else "CLIENT {") == 2
    assert text.count("EXPORT {") == (0 if nfs == "kernel" else 1)
    assert ("all_squash" if nfs == "kernel" else "Squash = All_Squash") in text
    assert "no_root_squash" not in text.lower()


def test_what_install_sh_exports_for_reports_becomes_the_sites(tmp_path: Path, debian: Recipe) -> None:
    """It is no export of a stranger: the site's own file has its place and its number."""
    places, release = Places(tmp_path), asked(debian)
    unpack(places, release)
    for path in (KERNEL, GANESHA):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("    Export_Id = 7;\n")
    assert left_exports(places, (release,)) == []


def test_directories_are_made_for_what_serves(tmp_path: Path) -> None:
    """A role that nobody serves in needs none; one that is there stays as it is."""
    places = Places(tmp_path)
    make_report_directories(places, ["dhcp", "tftp"])
    assert list(tmp_path.iterdir()) == []
    make_report_directories(places, ["dhcp", "nfs"])
    assert (places.reports_over_nfs.is_dir(), places.reports_over_http.exists()) == (True, False)
    places.reports_over_nfs.chmod(0o700)
    make_report_directories(places, ["nfs", "http"])
    assert places.reports_over_nfs.stat().st_mode & 0o777 == 0o700
    assert places.reports_over_http.stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
def test_directories_belong_to_whom_the_server_is(tmp_path: Path) -> None:
    """Over NFS every node is nobody, over HTTP nginx writes; the directory above belongs to root."""
    places = Places(tmp_path)
    make_report_directories(places, ["nfs", "http"])
    owners = [path.stat().st_uid for path in (places.reports_over_nfs, places.reports_over_http)]
    assert owners == [65534, 33]
    assert places.reports_over_nfs.parent.stat().st_uid == 0
