"""`nfsroot clean` removes what it says and keeps the rest."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Project

pytestmark = pytest.mark.container

ALL = ("tree", "initramfs", "nic-drivers", "pxegrub")
DAY = 86400


@pytest.fixture
def used(project: Callable[..., Project]) -> Project:
    """A project that built a release, with a cache whose objects are its own files."""
    made = project("tree", "initramfs", packages=False)
    for link in made.cache.glob("objects/*"):
        if link.name.startswith(("tree-", "initramfs-")):
            _own(link)
    assert made.build().status == 0
    (made.cache / "packages/trixie").mkdir(parents=True, exist_ok=True)
    (made.cache / "packages/trixie/example_1_all.deb").write_bytes(b"package")
    return made


def objects(project: Project) -> set[str]:
    """The steps whose objects are in the cache."""
    return {path.name.rsplit("-", 1)[0] for path in project.cache.glob("objects/*")}


def test_what_was_used_stays(used: Project) -> None:
    """Without options nothing goes that was used in the last two weeks."""
    before = objects(used)
    done = used.run("clean", f"--cache-dir={used.cache}")
    assert done.status == 0
    assert done.out.startswith("0.0 MB freed")
    assert objects(used) == before >= set(ALL)


def test_what_was_not_used_goes(used: Project) -> None:
    """Objects and packages that were not used for longer than --days go; their bytes are told."""
    (initramfs,) = used.cache.glob("objects/initramfs-*")
    package = used.cache / "packages/trixie/example_1_all.deb"
    for file in (initramfs / "step.json", package):
        os.utime(file, (time.time() - 5 * DAY,) * 2)
    going = [package, *(path for path in initramfs.rglob("*") if path.is_file() and path.name != "step.json")]
    size = sum(path.stat().st_size for path in going)
    done = used.run("clean", "--days=3", f"--cache-dir={used.cache}")
    assert done.status == 0
    assert done.out.startswith(f"{size / 1e6:.1f} MB freed")
    assert not initramfs.exists() and not package.exists()
    assert {"tree", "pxegrub", "builder-image"} <= objects(used)


def test_all(used: Project) -> None:
    """--all empties the cache; releases stay, and are found again once the cache is filled."""
    release = used.release
    for link in used.cache.glob("objects/*"):
        if link.is_symlink():
            link.unlink()  # the shared cache's objects are not this test's to remove
    done = used.run("clean", "--all", f"--cache-dir={used.cache}")
    assert done.status == 0
    assert objects(used) == set()
    assert list(used.cache.glob("packages/*/*.deb")) == []
    assert (release / "manifest.json").is_file()


def test_cache_stays_within_its_size(used: Project) -> None:
    """A build that made something ends by removing what was used least recently, when the cache is over its size."""
    old = used.cache / "objects/tree-0123456789abcdef"
    old.mkdir()
    (old / "step.json").write_text(json.dumps({"inputs": {}, "sizes": {}, "bytes": 4 << 30}))
    os.utime(old / "step.json", (time.time() - DAY,) * 2)
    assert used.build("--cache-size=2").status == 0
    assert old.exists(), "a build that finds its release looks at nothing more"
    done = used.build("--version=2", "--cache-size=2")
    assert done.status == 0
    assert [event["text"] for event in done.events if event["event"] == "Notice"][-1] == (
        "the cache was over 2 GiB: 4295 MB that were not used of late are gone"
    )
    assert not old.exists()
    assert objects(used) >= set(ALL)


def test_what_a_killed_build_left_goes(used: Project) -> None:
    """Work in progress of a build that is no more is removed."""
    left = used.cache / "unfinished" / "tree.0123456789abcdef"
    left.mkdir()
    (left / "file").write_text("")
    assert used.run("clean", f"--cache-dir={used.cache}").status == 0
    assert used.working() == []


def _own(link: Path) -> None:
    """Replace a link to an object of the shared cache by a copy of it."""
    source = link.resolve()
    link.unlink()
    shutil.copytree(source, link)
