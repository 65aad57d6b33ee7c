"""What the lab found stands in the manifest, and nothing else of a release changes."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from pathlib import Path

import pytest
from release_manifest import manifest

from builder.errors import InputError, NfsrootError
from builder.release.manifest import FILE, SUMS, Lab, Manifest, released_files
from builder.release.pack import finish
from builder.release.verdict import changing, record, replace


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A release of one kernel, with right checksums."""
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    finish(tmp_path, manifest().model_copy(update={"files": released_files(tmp_path, {})}))
    (tmp_path / "build.log").write_text("")
    return tmp_path


def check(release: Path) -> int:
    """What sha256sum(1) thinks of the release."""
    return subprocess.run(["sha256sum", "--check", "--status", SUMS], cwd=release, check=False).returncode


def test_a_new_release_was_not_in_the_lab(release: Path) -> None:
    """A build knows nothing of the lab, and a manifest of before there was one neither."""
    assert Manifest.read(release).lab is Lab.NONE
    (release / FILE).write_text((release / FILE).read_text().replace(',\n "lab": "none"', ""))
    assert '"lab"' not in (release / FILE).read_text()
    assert Manifest.read(release).lab is Lab.NONE


@pytest.mark.parametrize("lab", Lab)
def test_verdict_is_all_that_changes(release: Path, lab: Lab) -> None:
    """After the verdict, twice, the manifest is the same but for it, and the checksums are right."""
    before, sums = Manifest.read(release), (release / SUMS).read_text().splitlines()
    record(release, Lab.FAILED)
    record(release, lab)
    assert Manifest.read(release) == before.model_copy(update={"lab": lab})
    assert check(release) == 0
    after = (release / SUMS).read_text().splitlines()
    assert [line.split("  ")[1] for line in after] == [line.split("  ")[1] for line in sums]
    assert len(set(after) - set(sums)) == (0 if lab is Lab.NONE else 1)
    assert sorted(path.name for path in release.iterdir()) == [SUMS, "build.log", FILE, "vmlinuz"]


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


def test_what_another_nfsroot_wrote_stays(release: Path) -> None:
    """Fields of the manifest that this nfsroot does not know are still there after the verdict."""
    known = json.loads((release / FILE).read_bytes())
    (release / FILE).write_text(json.dumps({**known, "signed": "Größe"}), encoding="utf-8")
    record(release, Lab.PASSED)
    assert json.loads((release / FILE).read_bytes()) == {**known, "signed": "Größe", "lab": "passed"}
    assert check(release) == 0


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


def test_release_without_checksums(release: Path) -> None:
    """A release that lost its checksums is named, and its manifest stays as it was."""
    before = (release / FILE).read_bytes()
    (release / SUMS).unlink()
    with pytest.raises(InputError, match="SHA256SUMS cannot be read"):
        record(release, Lab.PASSED)
    assert (release / FILE).read_bytes() == before


def test_full_disk_is_told(release: Path) -> None:
    """A directory that cannot be written is named instead of ending the lab in a traceback."""
    with pytest.raises(NfsrootError) as caught, changing(release):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.brief == f"the lab's report cannot be written into {release}: No space left on device"
