"""What the lab found stands in the manifest, and nothing else of a release changes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from release_manifest import manifest

from builder.release.manifest import FILE, SUMS, Lab, Manifest, released_files
from builder.release.pack import finish
from builder.release.verdict import record, replace


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
