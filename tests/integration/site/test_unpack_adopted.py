"""`nfsroot-site unpack` of a release that the commands of its bundle's README, install.sh included, put in place."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from made_releases import Made, with_changes
from unpack_case import TREE, recipe, site, with_shared

from builder.layout import Layout
from builder.recipe.models import Recipe
from builder.server.procedure import procedure
from builder.site.places import Places
from builder.site.records import read_records
from builder.site.verification import find_records, verify

VERSION = "1.0"


def install(places: Places, made: Path, installed: Recipe) -> None:
    """Type the README's commands for a release, in a copy of its directory, for the file system tree of a site."""
    told = procedure(Layout(installed, VERSION), installed.cluster.server)
    lines = [line for line in (*told.unpack, *told.install) if "--dry-run" not in line]
    script = (
        "\n".join(lines).replace("/NFSROOT", f"{places.root}/NFSROOT").replace("/srv/tftp", f"{places.root}/srv/tftp")
    )
    script = script.replace("./install.sh", f"./install.sh --root {places.root}")
    copy = made.parent / "copied"
    subprocess.run(["cp", "-a", made, copy], check=True)
    env = {"PATH": os.environ["PATH"], "TMPDIR": str(made.parent)}
    subprocess.run(["sh", "-euc", script], cwd=copy, env=env, check=True, capture_output=True, text=True)


def inodes(directory: Path) -> dict[str, tuple[int, int]]:
    """Number and time of last change of all that is below a directory of VERSION: both stay when nobody touches it."""
    return {
        str(path): (path.lstat().st_ino, path.lstat().st_ctime_ns)
        for path in directory.rglob("*")
        if VERSION in str(path.relative_to(directory))
    }


def files(directory: Path) -> dict[str, bytes]:
    """The content of each file in a directory."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "name", ["kerrighed", "debian-nfsroot", "debian-image", "debian-nfsroot with shared directories beside"]
)
def test_an_installed_release_is_taken_over(name: str, places: Places, tmp_path: Path) -> None:
    """Whatever its kind, the release becomes the site's with its very files; its record is that of an unpacked one."""
    made_of = recipe(name.split()[0])
    tree = [*TREE, ("var/spool/x", 0o644, b"", "p")]
    if "shared" in name:
        made_of = with_changes(with_shared(made_of, "/var/spool"), root__nfs_version=4)
    made = Made(made_of, VERSION, tree=tree).write(tmp_path / "made")
    install(places, made, made_of)
    kept = [places.on_server(path) for path in ("/NFSROOT", f"/srv/tftp/{made_of.image.name}")]
    before = [inodes(directory) for directory in kept]
    done = site(places, "unpack", made)
    assert done.returncode == 0, done.stderr
    assert f"{made_of.image.name}/{VERSION} is taken over as it is" in done.stderr + done.stdout
    assert [inodes(directory) for directory in kept] == before
    (record,) = find_records(places, None, None)
    assert verify(places, record).differences == ()
    assert site(places, "switch", made_of.image.name, VERSION).returncode == 0
    other = Places(tmp_path / "other")
    other.root.mkdir()
    assert site(other, "unpack", made).returncode == 0
    (unpacked,) = find_records(other, None, None)
    ours, theirs = files(record.directory), files(unpacked.directory)
    assert {path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)} <= {"record.json"}


def test_a_release_that_differs_is_not_taken_over(places: Places, tmp_path: Path) -> None:
    """Each path that differs is named, in the tree and among served files; nothing is changed, and nothing recorded."""
    made_of = recipe("debian-nfsroot")
    made = Made(made_of, VERSION, tree=TREE).write(tmp_path / "made")
    install(places, made, made_of)
    tree, served = places.on_server(f"/NFSROOT/debian-nfsroot/{VERSION}"), places.served / f"debian-nfsroot/{VERSION}"
    (tree / "usr/bin/tool").write_bytes(b"#!/bin/ba\n")
    (tree / "usr/share/empty").unlink()
    (served / "vmlinuz-6.12.1-amd64").write_bytes(b"another")
    (served / "own.cfg").write_bytes(b"")
    before = inodes(places.on_server("/NFSROOT"))
    refused = site(places, "unpack", made, "--keep-changes")
    assert refused.returncode == 3
    for line in (
        f"{tree} and {served} are there already, nfsroot-site did not unpack it",
        "in 4 paths; nothing was taken over",
        "usr/bin/tool: other content",
        "usr/share/empty: is missing",
        f"{served}/own.cfg: was added",
        f"{served}/vmlinuz-6.12.1-amd64: other content",
    ):
        assert line in " ".join(refused.stderr.split())
    assert inodes(places.on_server("/NFSROOT")) == before
    assert read_records(places) == {}
    assert [str(path) for path in places.root.rglob(".*unpacking*")] == []


def test_what_nodes_wrote_is_kept_on_request(places: Places, tmp_path: Path) -> None:
    """A tree that nodes write to differs from its list; it is refused, with the option that takes it over."""
    made_of = recipe("kerrighed")
    made = Made(made_of, VERSION, tree=TREE).write(tmp_path / "made")
    install(places, made, made_of)
    written = places.on_server(f"/NFSROOT/kerrighed/{VERSION}/home/results")
    written.parent.mkdir()
    written.write_text("of a month")
    refused = site(places, "unpack", made)
    assert refused.returncode == 3
    assert "--keep-changes" in refused.stderr
    assert read_records(places) == {}
    done = site(places, "unpack", made, "--keep-changes")
    assert done.returncode == 0, done.stderr
    assert "1 of its paths differ" in done.stderr + done.stdout
    assert written.read_text() == "of a month"
    (record,) = find_records(places, None, None)
    assert [each.what for each in verify(places, record).differences] == ["was added"]


def test_shared_directories_without_their_tree_are_refused(places: Places, tmp_path: Path) -> None:
    """Shared directories may have what nodes wrote: no tree is put beside them that brings its own."""
    made_of = with_changes(with_shared(recipe("debian-nfsroot"), "/var/spool"), root__nfs_version=4)
    made = Made(made_of, VERSION, tree=[*TREE, ("var/spool/x", 0o644, b"", "p")]).write(tmp_path / "made")
    stranger = places.on_server(f"/NFSROOT/debian-nfsroot/{VERSION}.shared/var/spool/mail")
    stranger.parent.mkdir(parents=True)
    stranger.write_text("somebody's")
    refused = site(places, "unpack", made)
    assert refused.returncode == 3
    assert "is there without the tree to which it belongs" in " ".join(refused.stderr.split())
    assert stranger.read_text() == "somebody's"
    assert read_records(places) == {}
