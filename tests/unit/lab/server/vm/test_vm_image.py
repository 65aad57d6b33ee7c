"""The server's image: what it is made of, and that it is made once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from recording_engine import IMAGE, RecordingEngine

from builder.cache import Cache
from builder.container.engine import Job
from builder.debian import archive as archives
from builder.debian.archive import Archive
from builder.errors import NfsrootError
from builder.lab.server.vm import image
from builder.process import CommandError, OnLine
from builder.recipe.models import Debian

PACKAGES = ("isc-dhcp-server", "nfs-kernel-server", "zstd")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """A state of the archive that is at hand."""
    found = Archive("a" * 24, datetime(2026, 1, 31, tzinfo=UTC), tmp_path / "archive", tmp_path / "index")
    monkeypatch.setattr(archives.Snapshots, "find", lambda _snapshots: found)
    return found


def make(job: Job, _on_line: OnLine) -> None:
    """Leave what the scripts leave."""
    for name in (image.DISK, image.KERNEL, image.INITRAMFS):
        (job.output / name).touch()


def ignore(_line: str) -> None:
    """Drop a line."""


def test_image_is_made_once(archive: Archive, tmp_path: Path) -> None:
    """A second lab finds the disk, kernel and initramfs that the first one made."""
    engine, cache = RecordingEngine(make), Cache(tmp_path / "cache")
    first = image.ensure_image(cache, engine, IMAGE, Debian(), PACKAGES, ignore)
    assert image.ensure_image(cache, engine, IMAGE, Debian(), PACKAGES, ignore) == first
    assert len(engine.jobs) == 1
    assert {"disk.ext4", "vmlinuz", "initrd.img"} < {file.name for file in first.iterdir()}


def test_job_is_told_what_to_install(archive: Archive, tmp_path: Path) -> None:
    """The servers' packages stand beside a plain system's, each once; suite and sources are those of the nodes."""
    debian = Debian(suite="bookworm", components=("main", "contrib"), mirror="http://mirror.example/debian")
    job = image.plan_job(tmp_path, archive, debian, PACKAGES)
    told = job.environment
    assert job.inputs["/input/skeleton.tar"] == archive.skeleton
    assert told["SUITE"] == "bookworm"
    assert (told["ARCHITECTURE"], told["COMPONENTS"]) == ("amd64", "main,contrib")
    packages = told["PACKAGES"].split(",")
    assert set(packages) == {*image.BASE, *PACKAGES}
    assert len(packages) == len(set(packages))


def test_server_of_nodes_of_another_architecture(archive: Archive, tmp_path: Path) -> None:
    """Nodes for i386 boot from a server for amd64: i386 has no kernel of the server's name."""
    engine = RecordingEngine(make)
    debian = Debian(suite="bookworm", architecture="i386")
    image.ensure_image(Cache(tmp_path / "cache"), engine, IMAGE, debian, PACKAGES, ignore)
    assert engine.jobs[0].environment["ARCHITECTURE"] == "amd64"


def test_other_packages_make_another_image(archive: Archive) -> None:
    """The key depends on the packages and on the archive's state, and not on the order of the packages."""
    one = image.list_inputs(IMAGE, archive, PACKAGES)
    assert image.list_inputs(IMAGE, archive, PACKAGES[::-1]) == one
    assert image.list_inputs(IMAGE, archive, ("dnsmasq",)) != one
    assert image.list_inputs(IMAGE, Archive("b" * 24, archive.date, archive.path, archive.index), PACKAGES) != one


def test_mirror_that_lacks_a_package(archive: Archive, tmp_path: Path) -> None:
    """A mirror that has moved on is told in the user's terms."""

    def fail(_job: Job, _on_line: OnLine) -> None:
        raise CommandError("make-disk", ["sh"], 100, ["E: Failed to fetch x.deb  404  Not Found"])

    with pytest.raises(NfsrootError, match="look again with --refresh"):
        image.ensure_image(Cache(tmp_path / "cache"), RecordingEngine(fail), IMAGE, Debian(), PACKAGES, ignore)
