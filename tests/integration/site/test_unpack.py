"""`nfsroot-site unpack` of a release's directory: it appears beside the others, whole and as its list says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from unpack_case import TREE, release, site

from builder.site import journal
from builder.site.places import Places
from builder.site.records import read_records


def test_tree_served_files_and_record_appear(places: Places, tmp_path: Path) -> None:
    """A release is unpacked with its modes, its kernel is served, and the record has its settings and menus."""
    made = release(tmp_path)
    done = site(places, "unpack", made)
    assert (done.returncode, done.stdout) == (0, "kerrighed 1.0 is unpacked\n"), done.stderr
    tool = places.on_server("/NFSROOT/kerrighed/1.0/usr/bin/tool")
    assert (tool.read_bytes(), tool.stat().st_mode & 0o7777) == (b"#!/bin/sh\n", 0o4755)
    assert {file.name for file in (places.served / "kerrighed/1.0").iterdir()} >= {"vmlinuz-6.12.1-amd64"}
    record = read_records(places)["kerrighed"]["1.0"]
    assert record.settings.root.directory == "/NFSROOT/kerrighed/1.0"
    assert "ssi1" in record.menus
    assert (record.directory / "bundle/srv/tftp/pxegrub").read_bytes() == b"loader"
    assert record.origin.source == str(made)
    assert [each.name for each in places.on_server("/NFSROOT/kerrighed").iterdir()] == ["1.0"]


def test_zstd_that_ends_late(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may have zstd end some time after its last byte: the release is unpacked all the same."""
    late = tmp_path / "programs/zstd"
    late.parent.mkdir()
    late.write_text('#!/bin/sh\n/usr/bin/zstd "$@" || exit\nexec >&-\nexec sleep 0.5\n')
    late.chmod(0o755)
    monkeypatch.setenv("PATH", f"{late.parent}:{os.environ['PATH']}")
    done = site(places, "unpack", release(tmp_path))
    assert (done.returncode, done.stdout) == (0, "kerrighed 1.0 is unpacked\n"), done.stderr


def test_the_journal_tells_of_it(places: Places, tmp_path: Path) -> None:
    """An unpacked release changes nothing that nodes boot, and stands in the journal."""
    made = release(tmp_path)
    assert site(places, "unpack", made).returncode == 0
    (entry,) = journal.read_entries(places)
    assert entry.command == ("unpack", str(made))
    assert entry.before == entry.after
    assert entry.ended is not None


def test_a_second_time_nothing_is_done(places: Places, tmp_path: Path) -> None:
    """The very same release is here already; another one of this name and version is refused."""
    assert site(places, "unpack", release(tmp_path / "a")).returncode == 0
    again = site(places, "unpack", tmp_path / "a/kerrighed/1.0")
    assert (again.returncode, again.stdout) == (0, "kerrighed 1.0 is here already\n")
    refused = site(places, "unpack", release(tmp_path / "b", tree=TREE[:1]))
    assert refused.returncode == 3
    assert "is here already with other content" in refused.stderr


def test_what_stands_there_already_stays(places: Places, tmp_path: Path) -> None:
    """Where something stands that no record tells of, nothing is unpacked and nothing is removed."""
    stranger = places.on_server("/NFSROOT/kerrighed/1.0/etc/motd")
    stranger.parent.mkdir(parents=True)
    stranger.write_text("somebody's")
    refused = site(places, "unpack", release(tmp_path))
    assert refused.returncode == 3
    assert "nfsroot-site did not unpack it" in refused.stderr
    assert stranger.read_text() == "somebody's"
    assert read_records(places) == {}
