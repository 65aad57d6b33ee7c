"""A store in a directory whose group publishes: each member with a umask that keeps groups out."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_release import make_release
from store_case import Case

from builder.store import reader
from builder.store.storage.directory import DirectoryStorage
from builder.store.verify import verify_store
from builder.umask import UMASK

GROUP, ANN, BEN = 64_001, 64_002, 64_003
"""Numbers that no account of a Debian system has by default."""


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that other users may enter, with a home directory and a store that the group shares."""
    with tempfile.TemporaryDirectory(prefix="nfsroot-shared-", dir="/tmp") as directory:
        place = Path(directory)
        place.chmod(0o755)
        for name in ("home", "store"):
            (place / name).mkdir()
        os.chown(place / "store", 0, GROUP)
        (place / "store").chmod(0o2775)
        monkeypatch.setenv("HOME", str(place / "home"))
        monkeypatch.setattr(tempfile, "tempdir", "/tmp")  # TMPDIR may be a directory of this process's user alone
        for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
            monkeypatch.delenv(variable, raising=False)
        # Other users may not be able to read the modules that a first publish imports.
        Case(DirectoryStorage(place / "another"), place / "releases").publish(make_release(place / "another releases"))
        yield place


def run_as(user: int, place: Path, do: Callable[[], object]) -> None:
    """Call a function in a process of a member of the group, who has taken over the home directory."""
    for path in [place / "home", *(place / "home").rglob("*")]:
        os.chown(path, user, user)
    process = os.fork()
    if process == 0:
        try:
            os.setgroups([GROUP])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            os.umask(UMASK)
            do()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0


def test_members_of_a_group_publish(place: Path) -> None:
    """What one member wrote another one may add to, replace and remove, and nobody else may write any of it."""
    case = Case(DirectoryStorage(place / "store"), place / "releases")
    for version, user in (("1", ANN), ("2", BEN), ("3", ANN)):
        release = make_release(case.releases, version=version)
        run_as(user, place, lambda release=release: case.publish(release, channel="test"))
    os.chown(place / "home", 0, 0)
    assert {release.version for release in case.catalog()["small"]} == {"1", "2", "3"}
    assert verify_store(reader.open_trusted(case.storage), lambda _: None) == []
    for path in (place / "store").rglob("*"):
        mode = path.stat().st_mode
        assert not mode & stat.S_IWOTH, path
        assert path.stat().st_gid == GROUP, path
        assert not path.is_dir() or mode & stat.S_IWGRP, path


def test_a_killed_member_keeps_nobody_out(place: Path) -> None:
    """Who made a directory and was killed before he could let the group in does so with his next publish."""
    case = Case(DirectoryStorage(place / "store"), place / "releases")
    first, second = (make_release(case.releases, version=version) for version in ("1", "2"))
    run_as(ANN, place, lambda: case.publish(first))
    for made in (place / "store/releases/small", place / "store/.lock"):
        made.chmod(made.stat().st_mode & ~stat.S_IWGRP)
    shutil.rmtree(place / "store/releases/small/1")
    run_as(ANN, place, lambda: case.publish(first))
    run_as(BEN, place, lambda: case.publish(second))


def test_a_directory_that_is_no_groups_own(place: Path) -> None:
    """Without both bits in its mode, a store's directories are its publisher's alone."""
    (place / "store").chmod(0o2755)
    Case(DirectoryStorage(place / "store"), place / "releases").publish(make_release(place / "releases"))
    assert not any(path.stat().st_mode & stat.S_IWGRP for path in (place / "store").rglob("*"))
