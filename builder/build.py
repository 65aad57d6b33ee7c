"""The build of a release from a recipe.  `STEPS` lists the steps in order, and the function `build` runs them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.boot import initramfs
from builder.boot.initramfs import INITRAMFS
from builder.boot.nic_drivers import NIC_DRIVERS
from builder.boot.pxegrub import PXEGRUB
from builder.cache import Cache
from builder.container import image as builder_image
from builder.context import BuildContext, CachedStep
from builder.debian import archive as archives
from builder.debian import selection
from builder.events import Caution, Emit
from builder.overlay.step import OVERLAY
from builder.plan.model import Plan
from builder.plan.planner import make_plan
from builder.plan.step import Known, Step
from builder.preparation import Preparation, prepare
from builder.recipe.models import Recipe
from builder.release import pack, versions
from builder.release.manifest import FILE
from builder.release.step import RELEASE
from builder.server.step import BUNDLE
from builder.tree import elements
from builder.tree.base import BASE
from builder.tree.build import TREE
from builder.tree.root_image import ROOT_IMAGE
from builder.workshop import Workshop

STEPS: tuple[Step, ...] = (BASE, TREE, ROOT_IMAGE, INITRAMFS, NIC_DRIVERS, PXEGRUB, OVERLAY, BUNDLE, RELEASE)
"""The steps of a build, in order.  Planner and executor go through this list; a recipe may not need all of them."""


@dataclass(frozen=True)
class Outcome:
    """The result of a build: the release's directory, and whether the build found the release there."""

    directory: Path
    found: bool


def build(
    recipe: Recipe, workshop: Workshop, *, version: str | None, source_date: int | None, refresh: bool
) -> Outcome:
    """Build the release of a recipe, unless the output directory has a release of this content.

    `version` is the version that the user wants, if any; `source_date` (seconds since 1970, UTC) replaces the
    archive's date; `refresh` asks the archive for its present state first.

    :raises NfsrootError: a step failed; the build then leaves nothing in the output directory.
    """
    cache, name = workshop.cache, recipe.image.name
    releases, wanted = workshop.output / name, version or recipe.image.version
    initramfs.need_element(recipe)
    pack.need_writable(releases)
    with cache.in_use(), cache.lock(f"build-{name}"):
        cache.sweep()
        prepared = prepare(recipe, workshop, source_date=source_date, refresh=refresh)
        existing = versions.contents(releases)
        _caution_of_damage(releases, existing, workshop.emit)
        known = Known(
            image=prepared.image.id,
            archive=prepared.archive.digest,
            source_date=prepared.source_date,
            has=cache.has,
            release=lambda content: versions.holding(existing, content, wanted),
            last=cache.last_inputs(name),
        )
        planned = make_plan(STEPS, prepared.recipe, known)
        if planned.release:
            return Outcome(releases / planned.release, found=True)
        assert planned.content is not None, "with image and archive at hand every key is known"
        target = releases / versions.next_version(versions.taken(releases), wanted, prepared.source_date)
        with _begin(prepared, planned, workshop) as context:
            from builder.executor import execute  # only now: a build that finds its release need not wait for it

            execute(STEPS, context, workshop, target)
        cache.remember_inputs(name, planned.inputs())
    return Outcome(target, found=False)


@contextlib.contextmanager
def _begin(prepared: Preparation, planned: Plan, workshop: Workshop) -> Iterator[BuildContext]:
    """The context of the steps of a plan, whose elements are copies when a step that reads elements must run."""
    reading = (step for step in STEPS if isinstance(step, CachedStep) and step.works_on_tree)
    runs = {step.name for step in planned.steps if not step.reuse}
    with contextlib.ExitStack() as stack:
        recipe = prepared.recipe
        if any(step.name in runs for step in reading):
            inputs = planned.step(TREE.name).inputs
            assert inputs is not None, "with image and archive at hand every key is known"
            recipe = stack.enter_context(
                elements.snapshot(recipe, inputs["elements"], prepared.source_date, workshop.cache)
            )
        yield BuildContext(
            recipe=recipe,
            plan=planned,
            cache=workshop.cache,
            engine=workshop.engine,
            image=prepared.image,
            archive=prepared.archive,
            source_date=prepared.source_date,
            room_mib=prepared.room_mib,
            emit=workshop.emit,
        )


def plan(recipe: Recipe, cache: Cache, output: Path, *, version: str | None, source_date: int | None) -> Plan:
    """The plan of a build, from the files of this machine alone: planning makes nothing and asks no mirror.

    :raises RecipeError: packages are not in the archive, or cannot be installed together.
    """
    recipe, wanted = check(recipe, cache), version or recipe.image.version
    image, archive = builder_image.find(cache), archives.find(cache, recipe.debian)
    if source_date is None and archive:
        source_date = int(archive.date.timestamp())
    existing = versions.contents(output / recipe.image.name)
    known = Known(
        image=image.id if image else None,
        archive=archive.digest if archive else None,
        source_date=source_date,
        has=cache.has,
        release=lambda content: versions.holding(existing, content, wanted),
        last=cache.last_inputs(recipe.image.name),
    )
    return make_plan(STEPS, recipe, known)


def check(recipe: Recipe, cache: Cache) -> Recipe:
    """The recipe with its packages decided; without changes when the cache has no index of the archive's lists.

    :raises RecipeError: packages are not in the archive, or cannot be installed together.
    """
    archive = archives.find(cache, recipe.debian)
    if archive is None or not archive.index.exists():
        return recipe
    return selection.decide(recipe, archive).apply(recipe)


def kept(recipe: Recipe, cache: Cache) -> Iterator[Path]:
    """The files outside the recipe and this program that decide a plan: diskimage-builder's and the cache's."""
    yield from builder_image.made_from(cache)
    yield archives.pointer(cache, recipe.debian)


def _caution_of_damage(releases: Path, existing: dict[str, str | None], emit: Emit) -> None:
    """Warn of each release whose manifest cannot be read.  The build leaves these releases alone and goes on."""
    for version, content in existing.items():
        if content is None:
            emit(Caution(f"{releases / version / FILE} cannot be read: remove or repair that release."))
