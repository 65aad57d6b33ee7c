"""Packing: a release appears whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from release_manifest import manifest

from builder.errors import NfsrootError
from builder.release import output
from builder.release.manifest import released_files

KERNEL = "6.12.1-amd64"


def test_release_appears_whole(tmp_path: Path) -> None:
    """Nothing is seen under the release's name before everything is there."""
    target = tmp_path / "kerrighed/1.0"
    with output.create_release(target) as directory:
        (directory / "pxegrub").mkdir()
        (directory / "pxegrub/a").write_text("a")
        assert not target.exists()
        assert directory.name.startswith(".")
    assert (target / "pxegrub/a").read_text() == "a"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [NfsrootError("a step failed"), KeyboardInterrupt(), RuntimeError()])
def test_failure_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    """A build that fails or is interrupted while it packs leaves nothing beside the releases."""
    with pytest.raises(type(error)), output.create_release(tmp_path / "1.0") as directory:
        (directory / "half").write_text("half")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_the_outputs(tmp_path: Path) -> None:
    """A disk that fills up under the output directory is told with that directory, and nothing is left."""
    with pytest.raises(NfsrootError) as caught, output.create_release(tmp_path / "1.0") as directory:
        (directory / "half").write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.brief == f"{tmp_path} cannot be written: No space left on device"
    assert "--output" in caught.value.resolution
    assert list(tmp_path.iterdir()) == []


def test_reader_that_has_gone_says_nothing_of_the_output(tmp_path: Path) -> None:
    """A pipe that breaks while a release is put together is not taken for a directory that cannot be written."""
    with pytest.raises(BrokenPipeError), output.create_release(tmp_path / "1.0"):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
    assert list(tmp_path.iterdir()) == []


def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    """An output directory that cannot be made is one clear message."""
    (tmp_path / "output").write_text("a file in its place")
    target = tmp_path / "output/kerrighed/1.0"
    with (
        pytest.raises(NfsrootError, match=r"kerrighed cannot be written: Not a directory"),
        output.create_release(target),
    ):
        pytest.fail("there is no directory to fill")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to any directory")
def test_output_without_permission(tmp_path: Path) -> None:
    """An output directory that is read-only for this user is one clear message."""
    tmp_path.chmod(0o555)
    with (
        pytest.raises(NfsrootError, match="cannot be written: Permission denied"),
        output.create_release(tmp_path / "1.0"),
    ):
        pytest.fail("there is no directory to fill")


KILLED = """
import os, signal, sys
from pathlib import Path
from builder.release import output
from builder.release.manifest import released_files
with output.create_release(Path(sys.argv[1])) as directory:
    (directory / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_build_left_goes(tmp_path: Path) -> None:
    """A build that was killed leaves no release, and the next one starts with an empty directory."""
    target = tmp_path / "1.0"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not target.exists()
    assert list(tmp_path.iterdir()) != []
    with output.create_release(target) as directory:
        assert list(directory.iterdir()) == []
    assert list(tmp_path.iterdir()) == [target]


def test_release_is_never_replaced(tmp_path: Path) -> None:
    """A release that appeared since the version was chosen stays as it is."""
    target = tmp_path / "1.0"
    target.mkdir()
    (target / "kernel").write_text("first")
    with pytest.raises(NfsrootError, match="was made by another build meanwhile"), output.create_release(target):
        pytest.fail("there is nothing to fill")
    assert (target / "kernel").read_text() == "first"


def test_two_builds_at_once(tmp_path: Path) -> None:
    """Of two builds that make the same version, from different caches even, one wins and the other is told."""
    target, outcomes = tmp_path / "1.0", []

    def second() -> None:
        try:
            with output.create_release(target):
                outcomes.append("made")
        except NfsrootError as error:
            outcomes.append(error.brief)

    with output.create_release(target) as directory:
        other = threading.Thread(target=second)
        other.start()
        other.join(0.2)
        (directory / "kernel").write_text("first")
    other.join(5)
    assert outcomes == [f"{target} was made by another build meanwhile"]
    assert (target / "kernel").read_text() == "first"


def test_checksums_are_of_every_file(tmp_path: Path) -> None:
    """SHA256SUMS names each file, the manifest too, in the form that `sha256sum --check` reads."""
    (tmp_path / "pxegrub").mkdir()
    (tmp_path / "pxegrub/a").write_bytes(b"abc")
    files = released_files(tmp_path, [])
    output.finish(tmp_path, manifest().model_copy(update={"files": files}))
    sums = dict(reversed(line.split("  ")) for line in (tmp_path / "SHA256SUMS").read_text().splitlines())
    assert sums == {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("manifest.json", "pxegrub/a")
    }
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)


def test_what_a_killed_build_left_of_another_version_goes(tmp_path: Path) -> None:
    """A release that appears takes away what killed builds left, of whatever version that was to become."""
    left = tmp_path / ".1.0.unfinished"
    left.mkdir()
    (left / "half").write_text("a release")
    with output.create_release(tmp_path / "2.0") as directory:
        (directory / "whole").write_text("a release")
    assert [path.name for path in tmp_path.iterdir()] == ["2.0"]
