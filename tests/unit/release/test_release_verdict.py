"""What the lab found stands beside a release, which it does not change, and names the manifest that it is about."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from release_manifest import manifest

from builder.errors import InputError, NfsrootError
from builder.release.manifest import FILE, SUMS, Lab, Manifest, released_files
from builder.release.output import finish
from builder.release.verdict import REPORT, changing, digest, read, replace


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A release of one kernel, with right checksums."""
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    finish(tmp_path, manifest().model_copy(update={"files": released_files(tmp_path, {})}))
    (tmp_path / "build.log").write_text("")
    return tmp_path


def told(release: Path, **report: object) -> Path:
    """The release with a report that says so, whose other fields do not matter."""
    (release / REPORT).write_text(json.dumps({"verdict": "passed", **report}))
    return release


def test_a_new_release_was_not_in_the_lab(release: Path) -> None:
    """A build knows nothing of the lab."""
    assert "lab" not in json.loads((release / FILE).read_bytes())
    assert read(release) is Lab.NONE


@pytest.mark.parametrize("lab", Lab)
def test_the_report_tells_the_verdict(release: Path, lab: Lab) -> None:
    """What stands in lab.json counts, when it names the digest that SHA256SUMS has for the manifest."""
    (line,) = [line for line in (release / SUMS).read_text().splitlines() if line.endswith(f"  {FILE}")]
    assert digest(release) == line.split()[0]
    assert read(told(release, manifest=digest(release), verdict=lab)) is lab


def test_a_report_about_another_manifest_is_none(release: Path) -> None:
    """A report that was made of another release is no verdict on this one."""
    told(release, manifest="0" * 64)
    with pytest.raises(InputError, match=r"lab\.json is about another manifest") as caught:
        read(release)
    assert caught.value.resolution.startswith("Remove the file")


@pytest.mark.parametrize("lab", Lab)
def test_a_release_of_before_is_read(release: Path, lab: Lab) -> None:
    """An older nfsroot had the verdict in the manifest, with a report that names none or without one."""
    table = json.loads((release / FILE).read_bytes())
    (release / FILE).write_text(json.dumps({**table, "schema_version": 1, "lab": lab}))
    assert read(release) is lab
    assert read(told(release, schema_version=6)) is lab
    assert read(told(release, manifest=digest(release), verdict="failed")) is Lab.FAILED
    assert Manifest.read(release).schema_version == 1


@pytest.mark.parametrize("text", ["", "[]", "{", '{"manifest": "0", "verdict": "fine"}', '{"manifest": "0"}'])
def test_what_is_no_report(release: Path, text: str) -> None:
    """A file that cannot be read as a report is a mistake that is named."""
    (release / REPORT).write_text(text)
    with pytest.raises(InputError, match=r"the lab's verdict on .* cannot be read"):
        read(release)


def test_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    """Who has the old file open goes on reading the old one."""
    path = tmp_path / FILE
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        replace(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


def test_file_belongs_to_the_releases_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What root writes into a user's release is the user's."""
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda _fd, uid, gid: given.append((uid, gid)))
    replace(tmp_path / "lab.json", b"{}")
    assert given == [(tmp_path.stat().st_uid, tmp_path.stat().st_gid)]


def test_no_link_is_followed(tmp_path: Path) -> None:
    """A link that stands where a file is to be written goes; the file that it names keeps content and owner."""
    directory, victim = tmp_path / "release", tmp_path / "shadow"
    directory.mkdir()
    victim.write_bytes(b"secret")
    if os.geteuid() == 0:
        os.chown(directory, 1234, 1234)
    before = victim.stat()
    for name in ("lab.json", ".lab.json.unfinished"):
        (directory / name).symlink_to(victim)
    replace(directory / "lab.json", b"{}")
    assert (victim.read_bytes(), victim.stat().st_uid) == (b"secret", before.st_uid)
    assert not (directory / "lab.json").is_symlink()
    assert [path.name for path in directory.iterdir()] == ["lab.json"]


def test_full_disk_is_told(release: Path) -> None:
    """A directory that cannot be written is named instead of ending the lab in a traceback."""
    with pytest.raises(NfsrootError) as caught, changing(release):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.brief == f"the lab's report cannot be written into {release}: No space left on device"
