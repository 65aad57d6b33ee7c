"""The build of a release from a recipe.  `STEPS` lists the steps in order, and the function `build` runs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from builder.boot import initramfs
from builder.boot.initramfs import INITRAMFS
from builder.boot.nic_drivers import NIC_DRIVERS
from builder.boot.pxegrub import PXEGRUB
from builder.cache import Cache
from builder.container import image as builder_image
from builder.container.engine import Image
from builder.context import BuildContext
from builder.debian.archive import Archive, Snapshots
from builder.debian.choice import PackageChoice
from builder.events import Caution
from builder.overlay.step import OVERLAY
from builder.plan.model import Plan
from builder.plan.planner import make_plan
from builder.plan.step import Known, Step
from builder.preparation import prepare
from builder.recipe.models import Recipe
from builder.release import output
from builder.release.step import RELEASE
from builder.release.versions import Releases
from builder.server.step import BUNDLE
from builder.tree.base import BASE
from builder.tree.build import TREE
from builder.tree.root_image import ROOT_IMAGE
from builder.workspace import Workspace

STEPS: tuple[Step, ...] = (BASE, TREE, ROOT_IMAGE, INITRAMFS, NIC_DRIVERS, PXEGRUB, OVERLAY, BUNDLE, RELEASE)
"""The steps of a build, in order.  Planner and executor go through this list; a recipe may not need all of them."""


class Outcome(NamedTuple):
    """The result of a build: the release's directory, and whether the build found the release there."""

    directory: Path
    found: bool


def build(
    recipe: Recipe, workspace: Workspace, *, version: str | None, source_date: int | None, refresh: bool
) -> Outcome:
    """Build the release of a recipe, unless the output directory has a release of this content.

    `version` is the version that the user wants, if any; `source_date` (seconds since 1970, UTC) replaces the
    archive's date; `refresh` asks the archive for its present state first.

    :raises NfsrootError: a step failed; the build then leaves nothing in the output directory.
    """
    cache, name, wanted = workspace.cache, recipe.image.name, version or recipe.image.version
    output.need_writable(workspace.output / name)
    initramfs.need_element(recipe)
    with cache.in_use(), cache.lock(f"build-{name}"):
        cache.sweep()
        prepared = prepare(recipe, workspace, source_date=source_date, refresh=refresh)
        releases = Releases.read(workspace.output / name)
        for manifest in releases.damaged:  # the build leaves these releases alone and goes on
            workspace.emit(Caution(f"{manifest} cannot be read: remove or repair that release."))
        planned = _plan(
            prepared.recipe, cache, releases, wanted, prepared.image, prepared.archive, prepared.source_date
        )
        if planned.release:
            return Outcome(releases.directory / planned.release, found=True)
        assert planned.content is not None, "with image and archive at hand every key is known"
        target = releases.choose(wanted, prepared.source_date)
        context = BuildContext(
            recipe=prepared.recipe,
            plan=planned,
            cache=cache,
            engine=workspace.engine,
            image=prepared.image,
            archive=prepared.archive,
            source_date=prepared.source_date,
            room_mib=prepared.room_mib,
            emit=workspace.emit,
        )

        from builder.executor import execute  # only now: a build that finds its release need not wait for it

        execute(STEPS, context, workspace, target)
        cache.remember_inputs(name, planned.inputs())
    return Outcome(target, found=False)


def plan(recipe: Recipe, cache: Cache, output: Path, *, version: str | None, source_date: int | None) -> Plan:
    """The plan of a build, from the files of this machine alone: planning makes nothing and asks no mirror.

    :raises RecipeError: packages are not in the archive, or cannot be installed together.
    """
    recipe, wanted = check(recipe, cache), version or recipe.image.version
    image, archive = builder_image.find(cache), Snapshots(cache, recipe.debian).find()
    if source_date is None and archive:
        source_date = int(archive.date.timestamp())
    releases = Releases.read(output / recipe.image.name)
    return _plan(recipe, cache, releases, wanted, image, archive, source_date)


def check(recipe: Recipe, cache: Cache) -> Recipe:
    """The recipe with its packages decided; without changes when the cache has no index of the archive's lists.

    :raises RecipeError: packages are not in the archive, or cannot be installed together.
    """
    archive = Snapshots(cache, recipe.debian).find()
    if archive is None or not archive.index.exists():
        return recipe
    return PackageChoice(recipe, archive).decide().apply(recipe)


def find_watched_files(recipe: Recipe, cache: Cache) -> Iterator[Path]:
    """The files outside the recipe and this program that decide a plan: diskimage-builder's and the cache's."""
    yield from builder_image.made_from(cache)
    yield Snapshots(cache, recipe.debian).pointer


def _plan(
    recipe: Recipe,
    cache: Cache,
    releases: Releases,
    wanted: str | None,
    image: Image | None,
    archive: Archive | None,
    source_date: int | None,
) -> Plan:
    known = Known(
        image=image.id if image else None,
        archive=archive.digest if archive else None,
        source_date=source_date,
        has=cache.has,
        release=lambda content: releases.find(content, wanted),
        last=cache.last_inputs(recipe.image.name),
    )
    return make_plan(STEPS, recipe, known)
