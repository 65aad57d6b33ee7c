"""An update, with several releases on one server, and nodes that run meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made_deb import make_deb

from builder.cache import Cache
from builder.lab.released.release import Release
from builder.lab.story import update
from builder.lab.story.run import run
from builder.lab.story.scene import Scene, list_needed_releases
from builder.lab.story.site_package import SitePackage, find_package
from builder.lab.story.stories import STORIES
from builder.lab.story.story import Story
from builder.lab.story.story_releases import gather_releases

pytestmark = [pytest.mark.boot, pytest.mark.alone, pytest.mark.full]

RECIPE = "debian-nfsroot"
Play = Callable[..., list[str]]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> SitePackage:
    """The Debian package nfsroot-site of this checkout."""
    output = tmp_path_factory.mktemp("deb")
    make_deb(output)
    return find_package(output)


@pytest.fixture
def play(
    release_to_boot: Callable[[str], Release],
    build_version: Callable[[Path, str], Release],
    cache: Cache,
    tmp_path: Path,
) -> Play:
    """Plays scenes with the release of the shipped recipe, and gives everything that ought not to be so, in words."""
    first = release_to_boot(RECIPE)

    def played(scenes: tuple[Scene[Story], ...], *names: str, package: SitePackage | None = None) -> list[str]:
        releases = gather_releases(first, RECIPE, tmp_path, build_version, list_needed_releases(scenes))
        report = run("update", scenes, releases, names, cache, print, package)
        wrong = [
            f"{scene.name}: {claim.name}: {claim.reason}"
            for scene in report.scenes
            for claim in scene.claims
            if not claim.passed
        ]
        problems = [report.problem, *(scene.problem for scene in report.scenes)]
        assert report.passed is (not wrong and not any(problems) and not report.not_played)
        return [*wrong, *filter(None, problems), *report.not_played]

    return played


def test_update_and_back(play: Play) -> None:
    """An update is unpacked beside nodes that read files, tried by one of two nodes, confirmed, and given up."""
    assert play(update.SCENES, "ssi1", "ssi2") == []


def test_whole_story(play: Play) -> None:
    """With four nodes, an update comes and goes, two releases fail, and a second cluster comes and goes."""
    assert play(STORIES["update"], "ssi1", "ssi2", "ssi3", "ssi4") == []


def test_update_beside_a_node_of_a_virtual_server(play: Play, package: SitePackage) -> None:
    """The Debian package, on a server with systemd and the kernel's NFS server, unpacks beside a node that reads."""
    assert play(update.SCENES[:3], "ssi1", package=package) == []


def test_update_and_back_on_a_virtual_server(play: Play, package: SitePackage) -> None:
    """One of two nodes tries an update, the package's timer confirms it, and the update is given up."""
    assert play(update.SCENES, "ssi1", "ssi2", package=package) == []


def test_whole_story_on_a_virtual_server(play: Play, package: SitePackage) -> None:
    """With two nodes, the package's timer ends a trial, and a second cluster comes on a network card of its own."""
    assert play(STORIES["update"], "ssi1", "ssi2", package=package) == []
