"""The build of a release from a recipe.  The function `build` lists the steps in order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.boot import initramfs, known_drivers, nic_drivers
from builder.cache import Cache
from builder.container import image as builder_image
from builder.container.engine import Image
from builder.debian import archive as archives
from builder.debian import selection
from builder.debian.archive import Archive
from builder.events import Caution, Emit, Notice
from builder.plan import make as planning
from builder.plan.model import Plan
from builder.recipe.models import Recipe, RootKind, Variant
from builder.release import pack, versions
from builder.release.manifest import FILE
from builder.tree import base as bases
from builder.tree import build as trees
from builder.tree import elements
from builder.tree import root_image as root_images
from builder.workshop import Workshop

ELEMENTS_IN = (bases.STEP, trees.STEP, root_images.STEP, initramfs.STEP, nic_drivers.STEP)
"""The steps whose jobs read the files of elements."""


@dataclass(frozen=True)
class Outcome:
    """The result of a build: the release's directory, and whether the build found the release there."""

    directory: Path
    found: bool


def plan(recipe: Recipe, cache: Cache, output: Path, *, version: str | None, source_date: int | None) -> Plan:
    """The plan of a build, from the files of this machine alone: planning makes nothing and asks no mirror.

    :raises RecipeError: packages are not in the archive, or cannot be installed together.
    """
    recipe = check(recipe, cache)
    return _plan(
        recipe,
        cache,
        versions.contents(output / recipe.image.name),
        builder_image.find(cache),
        archives.find(cache, recipe.debian),
        version or recipe.image.version,
        source_date,
    )


def check(recipe: Recipe, cache: Cache) -> Recipe:
    """The recipe with its packages decided; without changes when the cache has no index of the archive's lists.

    :raises RecipeError: packages are not in the archive, or cannot be installed together.
    """
    archive = archives.find(cache, recipe.debian)
    if archive is None or not archive.index.exists():
        return recipe
    return selection.decide(recipe, archive).apply(recipe)


def build(
    recipe: Recipe, workshop: Workshop, *, version: str | None, source_date: int | None, refresh: bool
) -> Outcome:
    """Build the release of a recipe, unless the output directory has a release of this content.

    `version` is the version that the user wants, if any; `source_date` (seconds since 1970, UTC) replaces the
    archive's date; `refresh` asks the archive for its present state first.

    :raises NfsrootError: a step failed; the build then leaves nothing in the output directory.
    """
    cache, releases = workshop.cache, workshop.output / recipe.image.name
    initramfs.need_element(recipe)
    pack.need_writable(releases)
    wanted = version or recipe.image.version
    with cache.in_use(), cache.lock(f"build-{recipe.image.name}"):
        cache.sweep()
        _caution(recipe, workshop.emit)
        image = _builder_image(workshop)
        archive = _archive(recipe, workshop, image, refresh)
        cache.touch(image.rootfs.parent, archive.path)
        decision = selection.recall(recipe, archive, cache)
        recipe = decision.apply(recipe)
        for sentence in decision.gave_way.values():
            workshop.emit(Notice(sentence))
        date = int(archive.date.timestamp()) if source_date is None else source_date
        existing = versions.contents(releases)
        _caution_of_damage(releases, existing, workshop.emit)
        planned = _plan(recipe, cache, existing, image, archive, wanted, date)
        if planned.release:
            return Outcome(releases / planned.release, found=True)
        assert planned.content is not None, "with image and archive at hand every key is known"
        chosen = versions.next_version(versions.taken(releases), wanted, date)

        from builder.steps import Steps  # only now: a build that finds its release need not wait for it

        with _snapshot(recipe, planned, date, cache) as still:
            steps = Steps(workshop, image, planned, still, decision, date)
            tree = steps.tree(archive, steps.base(archive))
            for caution in tree.cautions:
                workshop.emit(Caution(caution))
            lacking = known_drivers.check(recipe, known_drivers.kernel_of(tree))
            if lacking:
                workshop.emit(Notice(lacking))
            root = steps.root_image(tree) if recipe.root.kind is RootKind.IMAGE else tree.part
            ramdisk = steps.initramfs(tree)
            drivers = steps.nic_drivers(tree)
            loaders = steps.pxegrub()
            steps.release(releases / chosen, archive, tree, root, ramdisk, drivers, loaders)
        cache.remember_inputs(recipe.image.name, planned.inputs())
    return Outcome(releases / chosen, found=False)


def kept(recipe: Recipe, cache: Cache) -> Iterator[Path]:
    """The files outside the recipe and this program that decide a plan: diskimage-builder's and the cache's."""
    yield from builder_image.made_from(cache)
    yield archives.pointer(cache, recipe.debian)


def _plan(
    recipe: Recipe,
    cache: Cache,
    existing: dict[str, str | None],
    image: Image | None,
    archive: Archive | None,
    wanted: str | None,
    source_date: int | None,
) -> Plan:
    if source_date is None and archive:
        source_date = int(archive.date.timestamp())
    known = planning.Known(
        image=image.id if image else None,
        archive=archive.digest if archive else None,
        source_date=source_date,
        has=cache.has,
        release=lambda content: versions.holding(existing, content, wanted),
        last=cache.last_inputs(recipe.image.name),
    )
    return planning.make(recipe, known)


def _snapshot(recipe: Recipe, planned: Plan, date: int, cache: Cache) -> contextlib.AbstractContextManager[Recipe]:
    """A context with the recipe to build: its elements are copies when a step that reads elements must run."""
    if not any(step.name in ELEMENTS_IN and not step.reuse for step in planned.steps):
        return contextlib.nullcontext(recipe)
    inputs = planned.step(trees.STEP).inputs
    assert inputs is not None, "with image and archive at hand every key is known"
    return elements.snapshot(recipe, inputs["elements"], date, cache)


def _builder_image(workshop: Workshop) -> Image:
    found = builder_image.find(workshop.cache)
    if found is not None:
        return found
    reason = "runs: it is made once, for every recipe"
    with workshop.running(builder_image.STEP, reason, builder_image.STEP) as on_line:
        return builder_image.ensure(workshop.cache, on_line)


def _archive(recipe: Recipe, workshop: Workshop, image: Image, refresh: bool) -> Archive:
    found = archives.find(workshop.cache, recipe.debian)
    if found is None or refresh:
        reason = "runs: asked to refresh" if found else "runs: the archive was not asked yet"
        with workshop.running(archives.STEP, reason, f"{archives.STEP}-{recipe.debian.suite}") as on_line:
            found = archives.look(workshop.cache, workshop.engine, image, recipe.debian, on_line)
    archives.write_index(workshop.cache, found)
    workshop.emit(Notice(f"Debian {recipe.debian.suite} as of {found.date:%Y-%m-%d %H:%M} UTC (--refresh looks again)"))
    return found


def _caution(recipe: Recipe, emit: Emit) -> None:
    for notice in recipe.notices:
        emit(Caution(notice))
    if not recipe.login.root_password_hash and not recipe.login.ssh_keys:
        emit(
            Caution("nobody can log in on the nodes: root is locked. Set ssh_keys or root_password_hash under [login].")
        )
    if Variant.I386_PC not in recipe.boot.variants:
        emit(Caution(f"nodes with BIOS firmware get no boot loader: [boot] variants lacks {Variant.I386_PC}."))


def _caution_of_damage(releases: Path, existing: dict[str, str | None], emit: Emit) -> None:
    """Warn of each release whose manifest cannot be read.  The build leaves these releases alone and goes on."""
    for version, content in existing.items():
        if content is None:
            emit(Caution(f"{releases / version / FILE} cannot be read: remove or repair that release."))
