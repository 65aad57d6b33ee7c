"""Under sudo, who called it owns what a build has made, and nothing else changes its owner."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder import ownership
from builder.cache import Cache
from builder.release import output

INVOKER = (1234, 4321)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture(autouse=True)
def sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be what sudo runs for a user."""
    monkeypatch.setenv("SUDO_UID", str(INVOKER[0]))
    monkeypatch.setenv("SUDO_GID", str(INVOKER[1]))


def owners(top: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Every path below `top` with its owner; links count by themselves."""
    for path in sorted(top.rglob("*")):
        status = path.lstat()
        yield str(path.relative_to(top)), (status.st_uid, status.st_gid)


@pytest.mark.parametrize("seed", range(20))
def test_only_what_a_build_made_changes_its_owner(tmp_path: Path, seed: int) -> None:
    """In an output directory full of others' files, the new release alone becomes the caller's."""
    drawn = random.Random(seed)
    srv = tmp_path / "srv"
    for number in range(12):
        directory = srv / drawn.choice(("NFSROOT", "tftp", "kerrighed", "kerrighed/1.0")) / str(drawn.randrange(4))
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"file{number}").write_text("x")
        (directory / f"link{number}").symlink_to(drawn.choice(("/etc", "file0", "nowhere")))
        os.chown(directory, drawn.randrange(3), 7)
    before = dict(owners(tmp_path))
    version = f"2.{seed}"
    with output.create_release(srv / "kerrighed" / version) as made:
        (made / "pxegrub").mkdir()
        (made / "pxegrub/a").write_text("a")
        (made / "link").symlink_to(tmp_path)
    after = dict(owners(tmp_path))
    new = {path: owner for path, owner in after.items() if f"kerrighed/{version}" in path}
    assert len(new) == 4
    assert set(new.values()) == {INVOKER}
    known = {path: owner for path, owner in after.items() if path not in new and path in before}
    assert known == before
    assert {owner for path, owner in after.items() if path not in new and path not in before} <= {INVOKER}
    assert (tmp_path.stat().st_uid, srv.stat().st_uid) == (0, 0)


def test_directories_above_are_the_callers_when_they_are_new(tmp_path: Path) -> None:
    """What a build has to make above its release, or above its cache, is the caller's; the cache itself is root's."""
    (tmp_path / "home").mkdir()
    with output.create_release(tmp_path / "home/output/kerrighed/1.0"):
        pass
    Cache(tmp_path / "home/.cache/nfsroot").log("tree")
    assert dict(owners(tmp_path)) == {
        "home": (0, 0),
        "home/.cache": INVOKER,
        "home/.cache/nfsroot": (0, 0),
        "home/.cache/nfsroot/logs": (0, 0),
        "home/output": INVOKER,
        "home/output/kerrighed": INVOKER,
        "home/output/kerrighed/1.0": INVOKER,
    }


@pytest.mark.parametrize(("uid", "gid"), [("", ""), ("ann", "4321"), ("-1", "0"), ("12", "")])
def test_without_a_caller_nothing_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: str, gid: str) -> None:
    """A variable that is empty, or no number, names nobody: everything stays root's."""
    monkeypatch.setenv("SUDO_UID", uid)
    monkeypatch.setenv("SUDO_GID", gid)
    assert ownership.invoker() is None
    with output.create_release(tmp_path / "output/kerrighed/1.0"):
        pass
    assert {owner for _, owner in owners(tmp_path)} == {(0, 0)}
