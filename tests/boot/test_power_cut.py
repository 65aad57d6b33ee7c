"""The power of a server is cut while nfsroot-site writes: blocks that were not flushed are lost or kept by lot."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from made_deb import make_deb
from made_releases import Made

from builder.cache import Cache
from builder.errors import NfsrootError
from builder.lab.released.release import Release, read_release
from builder.lab.server.vm.disk import Disk
from builder.lab.server.vm.virtual_server import VirtualServer
from builder.lab.story import update
from builder.lab.story.commands import Commands
from builder.lab.story.scene_run import play_scene
from builder.lab.story.site_package import find_package
from builder.lab.story.stage import Stage, run_stage
from builder.lab.story.stage_server import STORE
from builder.lab.story.story import Story
from builder.recipe.load import load
from builder.recipe.search import SearchPath

pytestmark = [pytest.mark.boot, pytest.mark.alone, pytest.mark.full]

SEED = "the lights go out"
NAME = "debian-nfsroot"
FILES, SIZE = 300, 32 * 1024
"""The number of files in a release's tree, and the bytes of each, which cannot be compressed."""

LATEST = 0.8
"""The share of the bytes that a verb wrote before, by which the power is cut when it runs again."""

FSCK = "cat /run/initramfs/fsck.log"
"""Prints what fsck(8) said of the root file system before the server's root was mounted (initramfs-tools(7))."""


@dataclass
class Cutting:
    """A server whose power is cut, with the verbs that are typed there."""

    stage: Stage
    typed: Commands
    server: VirtualServer
    disk: Disk
    dice: random.Random

    def count(self, *words: str) -> int:
        """The bytes that a verb writes, which must succeed."""
        before = self.disk.written
        self._write(*words)
        return self.disk.written - before

    def cut(self, usual: int, *words: str) -> None:
        """Cut the power at a seeded moment of a verb that usually writes so many bytes, and start the server again."""
        self.disk.cut_power_after(int(usual * self.dice.uniform(0, LATEST)), self.server.cut_power)
        with pytest.raises(NfsrootError, match="the node"):
            self._write(*words)
        self.server.start_after_power_cut()
        said = self.server.run(["sh", "-c", FSCK]).text
        assert "recovering journal" in said, said
        assert "UNEXPECTED INCONSISTENCY" not in said, said
        assert self.server.run(["sh", "-c", "dmesg | grep 'EXT4-fs error'"]).status == 1

    def _write(self, *words: str) -> None:
        """Type a verb, and have the kernel write what it has kept in memory."""
        self.typed.site(*words)
        self.typed.ask("sync")

    def look(self) -> None:
        """See that every release is as it was unpacked, and the site as it was switched."""
        assert "paths are as unpacked" in self.typed.site("verify").output
        self.typed.site("status")


@pytest.fixture
def made(tmp_path: Path) -> dict[str, Release]:
    """Two releases of one recipe, made without a build, whose trees share no file's content."""
    recipe = load(NAME, SearchPath.default(Path(__file__).parents[2]))
    releases = {}
    for letter in "AB":
        dice = random.Random(letter)
        files = [(f"usr/share/a/{number:03}", 0o644, dice.randbytes(SIZE), "a") for number in range(FILES)]
        tree = (
            ("etc/passwd", 0o644, b"root:x:0:0::/root:/bin/bash\n", "base-files"),
            ("lib/modules/6/modules.dep", 0o644, b"", "linux"),
            *files,
        )
        releases[letter] = read_release(Made(recipe, f"1.0.{letter.lower()}", tree=tree).write(tmp_path / "output"))
    return releases


@pytest.fixture
def cutting(made: dict[str, Release], cache: Cache, tmp_path: Path) -> Iterator[Cutting]:
    """A server on which nothing has happened yet."""
    make_deb(tmp_path)
    (tmp_path / "logs").mkdir()
    with run_stage(made, tmp_path / "logs", cache, find_package(tmp_path), SEED) as stage:
        server = stage.server
        assert isinstance(server.machine, VirtualServer)
        assert server.disk is not None
        yield Cutting(stage, stage.begin_commands(print), server.machine, server.disk, random.Random(SEED))


def test_power_cuts(cutting: Cutting, made: dict[str, Release]) -> None:
    """After a power cut the file system is repaired by the server's start, and the next call completes the verb."""
    stage, typed = cutting.stage, cutting.typed
    story = Story(stage, typed, print, ())
    begun = cutting.disk.written
    played = play_scene(update.SCENES[0], story, typed, print, 0.0)
    assert played.passed, played
    usual = FILES * SIZE
    assert cutting.disk.written - begun > usual
    typed.nfsroot(*update.PUBLISH, stage.directory_of("B"))
    unpack = ("unpack", story.reference("B"), "--from", STORE)
    cutting.cut(usual, *unpack)
    typed.site(*unpack)
    cutting.look()
    usual = cutting.count("switch", NAME, story.version("B"))
    back = ("switch", NAME, story.version("A"))
    cutting.cut(usual, *back)
    typed.site(*back)
    assert story.read_serving()["version"] == story.version("A")
    cutting.look()
    assert cutting.disk.lost > 0
