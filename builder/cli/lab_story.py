"""The option --story of `nfsroot lab`, which plays a story with a release or with a recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from builder.cli.output import write
from builder.errors import InputError

if TYPE_CHECKING:
    from builder.cache import Cache
    from builder.lab.released.release import Release
    from builder.lab.story.report import StoryReport
    from builder.lab.story.scene import Scene
    from builder.lab.story.story import Story
    from builder.recipe.models import Recipe

NODES = 4
"""The number of nodes in a story, or the number of the cluster's nodes if that is smaller."""
QUICK_NODES = 2
"""The number of nodes in the story of the quick matrix."""


def print_scenes(story: str) -> None:
    """Print the scenes of a story, with their steps and claims."""
    from builder.lab.story.scene import describe_scenes
    from builder.lab.story.stories import STORIES

    write(describe_scenes(STORIES[story]))


def play_quickly(found: Sequence[Release], cache: Cache, output: Path) -> bool:
    """Play the scenes of the quick matrix with the first suitable release, and return whether all of them passed."""
    from builder.lab.story.stories import QUICK

    suitable = next((release for release in found if _is_suitable(release)), None)
    if suitable is None:
        return True
    names = [node.name for node in suitable.recipe.cluster.nodes[:QUICK_NODES]]
    return play("update", str(suitable.directory), names, cache, output, QUICK)


def _is_suitable(release: Release) -> bool:
    from builder.lab.story.story_releases import need_suitable
    from builder.recipe.search import SearchPath

    try:
        need_suitable(release.recipe)
    except InputError:
        return False
    known = SearchPath.default().recipe(release.manifest.name) is not None
    return known and len(release.recipe.cluster.nodes) >= QUICK_NODES


def play(
    story: str,
    named: str,
    nodes: Sequence[str],
    cache: Cache,
    output: Path,
    scenes: Sequence[Scene[Story]] | None = None,
    *,
    virtual: bool = False,
) -> bool:
    """Play a story, and return whether it passed; `named` is the directory of a release, or a recipe's name or file.

    The release of a recipe is built into `output`, and the other releases of the story into a temporary directory.
    `scenes` are the scenes that are played; without them, the whole story is.
    With `virtual`, the server is a virtual machine, with the Debian package nfsroot-site of the directory `output`.

    :raises InputError: the story cannot be played with this release, or here.
    """
    from builder.cli.lab_display import Lines
    from builder.lab import host
    from builder.lab.story.run import run
    from builder.lab.story.scene import list_needed_releases
    from builder.lab.story.site_package import find_package
    from builder.lab.story.stories import STORIES
    from builder.lab.story.story_releases import gather_releases, need_suitable
    from builder.lab.vocabulary.hardware import Firmware

    recipe, base, release = _find(named)
    need_suitable(recipe)
    names = list(nodes) or [node.name for node in recipe.cluster.nodes[:NODES]]
    _need_nodes(recipe, names)
    host.need(Firmware.BIOS)
    package = find_package(output) if virtual else None
    with cache.work("story") as scratch:
        first = release or _build(recipe, cache, output, None)
        played = STORIES[story] if scenes is None else scenes
        letters = list_needed_releases(played)
        releases = gather_releases(first, base, scratch, _make_builder(cache, scratch / "output"), letters)
        report = run(story, played, releases, names, cache, Lines().emit, package)
    write("\n".join(_conclude(report, first)))
    return report.passed


def _find(named: str) -> tuple[Recipe, str, Release | None]:
    """Find the recipe that a user named, its path or name, and the release; None when the release is not built yet."""
    from builder.lab.released.release import read_release
    from builder.recipe.load import load
    from builder.recipe.search import SearchPath
    from builder.release.manifest import FILE

    search = SearchPath.default()
    if not (Path(named) / FILE).is_file():
        return load(named, search), str(Path(named).absolute()) if Path(named).is_file() else named, None
    release = read_release(Path(named))
    name = release.manifest.name
    if search.recipe(name) is None:
        raise InputError(
            f"there is no recipe {name} here, from which a story builds updates of {named}",
            resolution="Name the recipe's file instead of the release.",
        )
    return release.recipe, name, release


def _make_builder(cache: Cache, output: Path) -> Callable[[Path, str], Release]:
    """Make a function that builds the recipes of a story into the directory `output`."""
    from builder.recipe.load import load
    from builder.recipe.search import SearchPath

    return lambda file, version: _build(load(str(file), SearchPath.default()), cache, output, version)


def _build(recipe: Recipe, cache: Cache, output: Path, version: str | None) -> Release:
    from builder.build import build
    from builder.cli.render import renderer
    from builder.container import choose
    from builder.lab.released.release import read_release
    from builder.workspace import Workspace

    with renderer(None, verbose=False) as show:
        workspace = Workspace(cache, choose("sandbox"), output, show)
        return read_release(build(recipe, workspace, version=version, source_date=None, refresh=False).directory)


def _need_nodes(recipe: Recipe, names: Sequence[str]) -> None:
    known = [node.name for node in recipe.cluster.nodes]
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"the release has no node {unknown[0]}", resolution=f"Its nodes are {', '.join(known)}.")
    if len(names) < 2:
        raise InputError(
            "a story needs two nodes: one that tries an update, and one that does not",
            resolution="Name two nodes with --nodes.",
        )


def _conclude(report: StoryReport, first: Release) -> list[str]:
    from builder.lab.story.page import FILE

    lines = [
        f"Story {report.story} of {report.name}: {'passed' if report.passed else 'failed'} ({report.seconds:.0f} s)"
    ]
    lines += [report.problem] if report.problem else []
    for scene in report.scenes:
        lines += [f"  {scene.name}: {claim.name}: {claim.reason}" for claim in scene.claims if not claim.passed]
    lines += [f"  not played: {', '.join(report.not_played)}"] if report.not_played else []
    return [*lines, f"Report: {first.directory.parent / FILE}"]
