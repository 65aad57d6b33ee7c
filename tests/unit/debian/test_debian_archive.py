"""The archive's state: what packages there are, when it was made, and failures of apt in the user's terms."""

from __future__ import annotations

import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from recording_engine import IMAGE, RecordingEngine

from builder.cache import Cache
from builder.container.engine import Job
from builder.debian import archive
from builder.debian.archive import Archive
from builder.errors import NfsrootError
from builder.process import CommandError, OnLine
from builder.recipe.models import Debian

PACKAGES = """\
Package: nano
Version: 8.4-1
Architecture: amd64
Provides: editor
Filename: pool/main/n/nano/nano_8.4-1_amd64.deb
Size: 660000

Package: exim4-daemon-light
Provides: exim4-localscanapi-6.0, mail-transport-agent (= 4.98), default-mta
Description: says Package: nothing

Package: linux-image-amd64
Version: 1:6.12.1
Architecture: all
Size: 1500
"""
SOURCES = """\
deb http://default.example/debian trixie main
deb http://default.example/debian trixie-updates main
deb [trusted=no] http://security.example/debian-security trixie-security main
"""
SECURITY = "security.example/debian-security"
RELEASE = "-----BEGIN PGP SIGNED MESSAGE-----\nOrigin: Debian\nDate: {date}\nSuite: stable\n"


def mirror_with(*, date: str = "Sat, 15 Nov 2025 10:20:30 UTC", packages: str = PACKAGES) -> RecordingEngine:
    """An engine whose jobs leave the lists of a small archive, as apt does, whose security part is a day newer, and a
    tree without packages."""

    def act(job: Job, _on_line: OnLine) -> None:
        if not job.network:
            lay_out(job)
            return
        lists = job.output / "lists"
        lists.mkdir()
        (job.output / "order").write_text("/scratch/mirror_dists_trixie_main_binary-amd64_Packages\n")
        (lists / "mirror_dists_trixie_InRelease").write_text(RELEASE.format(date=date))
        (lists / "security_dists_trixie_InRelease").write_text(RELEASE.format(date="Sun, 16 Nov 2025 01:00:00 +0100"))
        (lists / "mirror_dists_trixie_main_binary-amd64_Packages").write_text(packages)

    return RecordingEngine(act)


def lay_out(job: Job) -> None:
    """Leave a tree that has nothing but the sources of its packages."""
    content = SOURCES.encode()
    with tarfile.open(job.output / "skeleton.tar", "w") as tar:
        member = tarfile.TarInfo("./etc/apt/sources.list")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))


def ignore(_line: str) -> None:
    """Drop a line."""


@pytest.fixture
def store(tmp_path: Path) -> Cache:
    """A cache of this test's own."""
    return Cache(tmp_path / "cache")


@pytest.fixture
def found(store: Cache) -> Archive:
    """The small archive, asked once."""
    found = archive.Snapshots(store, Debian()).look(mirror_with(), IMAGE, ignore)
    archive.Snapshots(store, Debian()).write_index(found)
    return found


def test_date_is_the_newest_releases(found: Archive) -> None:
    """The archive's date is that of its newest part, in UTC whatever zone the part names."""
    assert found.date == datetime(2025, 11, 16, 0, 0, 0, tzinfo=UTC)


def test_found_again_without_asking(store: Cache, found: Archive) -> None:
    """A state that was looked at once is found, for its own suite and components only."""
    assert archive.Snapshots(store, Debian()).find() == found
    assert archive.Snapshots(store, Debian(suite="bookworm")).find() is None
    assert archive.Snapshots(store, Debian(components=("main", "contrib"))).find() is None


def test_other_state_is_another_archive(store: Cache, found: Archive) -> None:
    """When the archive has changed, a look makes the new state the present one."""
    newer = archive.Snapshots(store, Debian()).look(mirror_with(date="Mon, 17 Nov 2025 10:20:30 UTC"), IMAGE, ignore)
    assert newer.digest != found.digest
    assert archive.Snapshots(store, Debian()).find() == newer


def test_same_state_is_the_same_archive(store: Cache, found: Archive) -> None:
    """A look at an unchanged archive changes nothing, so that nothing is rebuilt."""
    assert archive.Snapshots(store, Debian()).look(mirror_with(), IMAGE, ignore) == found


def test_question_to_the_archive(store: Cache) -> None:
    """The job has network, names suite, architecture and components, and no mirror when the recipe does not."""
    engine = mirror_with()
    archive.Snapshots(store, Debian(components=("main", "contrib"))).look(engine, IMAGE, ignore)
    skeleton, update = engine.jobs
    assert update.network
    assert not skeleton.network
    assert skeleton.argv[-2:] == ("trixie", "/output/skeleton.tar")
    assert "--components=main,contrib" in update.argv
    assert "--architectures=amd64" in update.argv
    assert update.argv[-2:] == ("trixie", "/scratch/update")


@pytest.mark.parametrize(
    ("named", "hosts"),
    [
        ({"mirror": "http://mirror.example/debian"}, ["mirror.example/debian"] * 2 + [SECURITY]),
        ({"security_mirror": "http://mirror.example/sec"}, ["default.example/debian"] * 2 + ["mirror.example/sec"]),
        (
            {"mirror": "http://mirror.example/a", "security_mirror": "http://mirror.example/b"},
            ["mirror.example/a"] * 2 + ["mirror.example/b"],
        ),
    ],
)
def test_named_mirrors_have_all_suites(store: Cache, named: dict[str, str], hosts: list[str]) -> None:
    """Updates and security come with a suite from whichever mirror, in lists and in the tree's own sources alike."""
    engine = mirror_with()
    archive.Snapshots(store, Debian(**named)).look(engine, IMAGE, ignore)
    default, skeleton, update = engine.jobs
    suites = ["deb http://{} trixie main", "deb http://{} trixie-updates main"]
    suites += ["deb [trusted=no] http://{} trixie-security main"]
    sources = "\n".join(suite.format(host) for suite, host in zip(suites, hosts, strict=True))
    assert default.argv[-1] == "/output/skeleton.tar"
    assert skeleton.argv[-2:] == ("/output/skeleton.tar", sources)
    assert update.argv[-2:] == ("/scratch/update", sources)


def test_what_jobs_get(found: Archive) -> None:
    """A job in which apt decides gets the lists, their index, and a tree without packages."""
    assert found.job_inputs == {
        "/input/lists": found.path / "lists",
        "/input/skeleton.tar": found.path / "skeleton.tar",
        "/input/index.sqlite": found.index,
    }
    assert all(path.exists() for path in found.job_inputs.values())


def test_index_is_of_the_code_that_writes_it(store: Cache, found: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another way to make the index makes another one of the same lists, and the archive's state stays."""
    monkeypatch.setattr(archive, "PROGRAM", SimpleNamespace(digest=lambda *_modules: "changed"))
    again = archive.Snapshots(store, Debian()).find()
    assert again is not None and again.digest == found.digest
    assert not again.index.exists()
    archive.Snapshots(store, Debian()).write_index(again)
    assert again.index.exists() and again.index != found.index


def test_archive_of_an_older_version_is_asked_again(store: Cache, found: Archive) -> None:
    """What a version before this one kept of the archive lacks a file that jobs need: it does not count."""
    (found.path / "skeleton.tar").unlink()
    (found.path / "step.json").write_text('{"sizes": {}}')
    assert archive.Snapshots(store, Debian()).find() is None


def test_failed_look_leaves_nothing(store: Cache) -> None:
    """A mirror that fails leaves no state, so that the next build asks again."""

    def fail(job: Job, _on_line: OnLine) -> None:
        if job.network:
            raise CommandError("mmdebstrap", ["mmdebstrap"], 25, ["E: Could not connect to mirror.example:80"])

    with pytest.raises(NfsrootError, match="cannot be reached"):
        archive.Snapshots(store, Debian()).look(RecordingEngine(fail), IMAGE, ignore)
    assert archive.Snapshots(store, Debian()).find() is None
    assert list((store.root / "unfinished").iterdir()) == []


def test_release_without_a_date(store: Cache) -> None:
    """A mirror whose Release file has no date is told by that file's name."""
    with pytest.raises(NfsrootError, match="InRelease has no Date field"):
        archive.Snapshots(store, Debian()).look(RecordingEngine(_dateless), IMAGE, ignore)


def _dateless(job: Job, _on_line: OnLine) -> None:
    (job.output / "order").touch()
    (job.output / "lists").mkdir(exist_ok=True)
    (job.output / "lists/mirror_dists_trixie_InRelease").write_text("Origin: Debian\n")
