"""One node lives through an update: a story with scenes of its own, in which it writes files, and looks for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from first_boot import NODE

from builder.cache import Cache
from builder.lab.checks.model import Finding
from builder.lab.released.release import Release
from builder.lab.story import update
from builder.lab.story.findings import check_next_boot
from builder.lab.story.report import SceneReport
from builder.lab.story.run import run
from builder.lab.story.scene import Claim, Findings, Scene
from builder.lab.story.story import Story
from builder.lab.story.story_releases import PACKAGE

pytestmark = pytest.mark.boot

CHRONY = "121"
"""The number of the account that the package chrony makes, and to which its directory below /var belongs."""

UPDATE = f"""\
extends = "debian-nfsroot"
image.name = "debian-nfsroot"
[debian]
packages = ["chrony", "{PACKAGE}"]
"""
"""The recipe of the update: it adds the package of the story, and chrony, with an account and a directory in /var."""

WRITE = "echo kept >/var/lib/of-the-node && echo kept >/home/of-all && sync"
READ = "cat /var/lib/of-the-node /home/of-all"


def _write(story: Story) -> Findings:
    (node,) = story.first_cluster
    written = node.running.ask(WRITE)
    yield "written", Finding(written.text, () if written.status == 0 else (written.text,))


def _look(story: Story) -> Findings:
    (node,) = story.first_cluster
    read = node.running.ask(READ).text
    yield "kept", Finding(read, () if read.split() == ["kept", "kept"] else (f"the node reads {read!r}",))
    state = f"{story.stage.releases['A'].recipe.root.state}/nodes/{NODE}/var/lib"
    owner = story.commands.ask("stat", "--format=%u", f"{state}/chrony").strip()
    yield "owner", Finding(owner, () if owner == CHRONY else (f"{owner} owns {state}/chrony",))
    packages = story.commands.ask("ls", "-A", f"{state}/dpkg")
    yield "packages", Finding(packages, (f"{state}/dpkg has {packages}",) if packages else ())


def _give_up(story: Story) -> Findings:
    story.commands.site("rollback", story.name)
    yield "menus", check_next_boot(story, story.first_cluster, "A")


WRITING = Scene("write", "The node writes files.", (WRITE,), (Claim("written", "the node can write"),), _write)
LOOKING = Scene(
    "look",
    "The node looks for what it wrote.",
    (READ,),
    (
        Claim("kept", "files that were there before the update are there still"),
        Claim("owner", "a directory that came with the update belongs to the update's account"),
        Claim("packages", "the list of the update's packages comes from its tree, and not from the server's files"),
    ),
    _look,
)
GIVING_UP = Scene(
    "give up",
    "The update is given up.",
    ("nfsroot-site rollback NAME",),
    (Claim("menus", "the node's menu loads A first"),),
    _give_up,
)
SCENES = (*update.SCENES[:2], WRITING, *update.SCENES[2:4], LOOKING, GIVING_UP)


@pytest.fixture(scope="module")
def scenes(
    release_to_boot: Callable[[str], Release],
    build_version: Callable[[Path, str], Release],
    cache: Cache,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, SceneReport]:
    """The scenes, by name: the node boots the shipped recipe's release, and then the update, on trial."""
    first, directory = release_to_boot("debian-nfsroot"), tmp_path_factory.mktemp("update")
    (directory / "update.toml").write_text(UPDATE)
    second = build_version(directory / "update.toml", f"{first.manifest.version}.b")
    report = run("update", SCENES, {"A": first, "B": second}, [NODE], cache, print)
    assert report.problem is None
    return {scene.name: scene for scene in report.scenes}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_update(scene: Scene[Story], scenes: dict[str, SceneReport]) -> None:
    """Each claim of the scene holds, and has a finding."""
    assert scene.name in scenes, f"not played: an earlier scene failed, of {', '.join(scenes)}"
    played = scenes[scene.name]
    assert played.problem is None
    assert [f"{claim.name}: {claim.reason}" for claim in played.claims if not claim.passed] == []
    assert {claim.name for claim in played.claims} >= {claim.name for claim in scene.claims}
