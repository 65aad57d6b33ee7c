"""Prepares a build, which can plan once it has a builder image, a state of the archive, and a choice of packages."""

from __future__ import annotations

from typing import NamedTuple

from builder.container import image as builder_image
from builder.container.engine import Image
from builder.debian import archive as archives
from builder.debian.archive import Archive, Snapshots
from builder.debian.choice import PackageChoice
from builder.events import Caution, Notice
from builder.recipe.choices import Variant
from builder.recipe.models import Recipe
from builder.workspace import Workspace


class Preparation(NamedTuple):
    """The builder image, the state of the archive, and the `recipe` without default packages that gave way.

    `room_mib` is the room, in MiB, that the recipe's packages take while they are installed; `source_date` is in
    seconds since 1970 (UTC).
    """

    recipe: Recipe
    image: Image
    archive: Archive
    room_mib: int
    source_date: int


def prepare(recipe: Recipe, workspace: Workspace, *, source_date: int | None, refresh: bool) -> Preparation:
    """Make or find what a build of the recipe needs before it can plan.

    Without `source_date`, the archive's date takes its place; `refresh` asks the archive for its present state first.

    :raises NfsrootError: the builder image cannot be made, or the archive cannot be reached.
    :raises RecipeError: packages are not in the archive, or cannot be installed together.
    """
    for caution in cautions(recipe):
        workspace.emit(Caution(caution))
    image = _find_image(workspace)
    archive = _find_archive(recipe, workspace, image, refresh)
    workspace.cache.touch(image.rootfs.parent, archive.path)
    decision = PackageChoice(recipe, archive).recall(workspace.cache)
    for sentence in decision.gave_way.values():
        workspace.emit(Notice(sentence))
    date = int(archive.date.timestamp()) if source_date is None else source_date
    return Preparation(decision.apply(recipe), image, archive, decision.room_mib, date)


def cautions(recipe: Recipe) -> tuple[str, ...]:
    """The cautions about a recipe whose release will not serve everybody who might expect it."""
    found = [*recipe.notices]
    if not recipe.login.root_password_hash and not recipe.login.ssh_keys:
        found.append(
            "nobody can log in on the nodes: root is locked. Set ssh_keys or root_password_hash under [login]."
        )
    if Variant.I386_PC not in recipe.boot.variants:
        found.append(f"nodes with BIOS firmware get no boot loader: [boot] variants lacks {Variant.I386_PC}.")
    return tuple(found)


def _find_image(workspace: Workspace) -> Image:
    found = builder_image.find(workspace.cache)
    if found is not None:
        return found
    reason = "runs: it is made once, for every recipe"
    with workspace.log_step(builder_image.STEP, reason, builder_image.STEP) as on_line:
        return builder_image.ensure(workspace.cache, on_line)


def _find_archive(recipe: Recipe, workspace: Workspace, image: Image, refresh: bool) -> Archive:
    snapshots = Snapshots(workspace.cache, recipe.debian)
    found = snapshots.find()
    if found is None or refresh:
        reason = "runs: asked to refresh" if found else "runs: the archive was not asked yet"
        with workspace.log_step(archives.STEP, reason, f"{archives.STEP}-{recipe.debian.suite}") as on_line:
            found = snapshots.look(workspace.engine, image, on_line)
    snapshots.write_index(found)
    workspace.emit(
        Notice(f"Debian {recipe.debian.suite} as of {found.date:%Y-%m-%d %H:%M} UTC (--refresh looks again)")
    )
    return found
