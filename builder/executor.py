"""The executor, which runs the steps of a plan and puts the release together."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import builder
from builder.container.engine import Room
from builder.context import BuildContext, CachedStep
from builder.errors import NoSpaceError
from builder.events import StepReused
from builder.layout import Layout
from builder.packing import tree_list
from builder.packing.archive import Joined
from builder.packing.release_step import ReleaseContext, ReleaseStep
from builder.parallel import crew
from builder.plan.step import Step
from builder.process import COMMAND, OnLine
from builder.recipe.models import Recipe
from builder.release import output
from builder.tree import elements
from builder.tree.build import TREE, find_tree
from builder.workspace import Workspace


def execute(steps: Sequence[Step], context: BuildContext, workspace: Workspace, target: Path) -> None:
    """Run the steps of `context.plan` in their order, and put the release together in `target`, where it appears whole.

    :raises NfsrootError: a step failed; there is no release in `target` then.
    """
    planned = [step for step in steps if step.is_needed(context.recipe)]
    cached = tuple(step for step in planned if isinstance(step, CachedStep))
    with _copy_elements(cached, context) as recipe:
        context = replace(context, recipe=recipe)
        context = replace(context, objects=make_objects(cached, context, workspace))
        make_release([step for step in planned if isinstance(step, ReleaseStep)], context, workspace, target)


@contextlib.contextmanager
def _copy_elements(steps: Sequence[CachedStep], context: BuildContext) -> Iterator[Recipe]:
    """A context with the recipe, whose elements are copies if a step that reads elements must run."""
    if all(context.plan.step(step.name).reuse for step in steps if step.works_on_tree):
        yield context.recipe
        return
    inputs = context.plan.step(TREE.name).inputs
    assert inputs is not None, "with image and archive at hand every key is known"
    with elements.snapshot(context.recipe, inputs["elements"], context.source_date, context.cache) as recipe:
        yield recipe


def make_objects(steps: Sequence[CachedStep], context: BuildContext, workspace: Workspace) -> dict[str, Path]:
    """The object in the cache of each step, made when the cache lacks it, by the step's name.

    A step that is part of one that is reused has none.
    """
    objects: dict[str, Path] = {}
    context = replace(context, objects=objects)
    for step in steps:
        planned = context.plan.step(step.name)
        if step.part_of and context.plan.step(step.part_of).reuse:
            context.emit(StepReused(step.name, planned.reason))
            continue
        beside = tuple(each for each in steps if each.beside == step.name and not context.plan.step(each.name).reuse)
        parts = [objects[each.name] for each in steps if each.part_of == step.name and each.name in objects]
        objects[step.name] = _find_or_make(step, replace(context, beside=beside), workspace, parts)
        if not planned.reuse:
            step.finish(context)
        for each in steps:
            if each.checks == step.name:
                each.check(context)
    return objects


def _find_or_make(step: CachedStep, context: BuildContext, workspace: Workspace, parts: Sequence[Path]) -> Path:
    """The object of a step, made when the cache lacks it; its log begins with the logs of its `parts`."""
    planned, cache = context.plan.step(step.name), context.cache
    assert planned.key is not None and planned.inputs is not None
    if planned.reuse or cache.has(step.name, planned.key):
        context.emit(StepReused(step.name, planned.reason if planned.reuse else "made meanwhile"))
        return cache.use(step.name, planned.key)
    log = _log_name(step, context)
    with workspace.log_step(step.name, planned.reason, log) as on_line:

        def make_with_log(directory: Path) -> None:
            _make(step, replace(context, on_line=on_line), workspace, directory)
            own = _without_commands(cache.log(log).read_text(encoding="utf-8"))
            logs = [*((part / "log").read_text(encoding="utf-8") for part in parts), own]
            (directory / "log").write_text("".join(logs), encoding="utf-8")

        return _produce(step, context, make_with_log)


def _produce(step: CachedStep, context: BuildContext, make: Callable[[Path], None]) -> Path:
    planned, cache, mib = context.plan.step(step.name), context.cache, context.room_mib
    assert planned.key is not None and planned.inputs is not None
    try:
        return cache.produce(step.name, planned.key, planned.inputs, make)
    except NoSpaceError as error:
        if step.works_on_tree:
            need = f"The step {step.name} takes about {mib} MiB to work"
            error.details = f"{need}, and {cache.root} has {cache.free_mib()} MiB free.\n{error.details}".strip()
        raise


def _make(step: CachedStep, context: BuildContext, workspace: Workspace, directory: Path) -> None:
    """Make a step's object in `directory`, and keep the objects that its job made for the steps `context.beside`."""

    def work(room: Room, on_line: OnLine) -> None:
        step.make(replace(context, room=room, on_line=on_line), directory)
        for each in context.beside:
            _keep_beside(each, context, directory / each.name)

    if step.works_on_tree:
        workspace.find_room(step.name, context.room_mib, directory, work, context.on_line)
    else:
        work(context.room, context.on_line)


def _keep_beside(step: CachedStep, context: BuildContext, made: Path) -> None:
    """Move what another step's job made for `step` into the cache.

    When the job made nothing, the step runs by itself later, and reports its own error.
    """
    planned = context.plan.step(step.name)
    assert planned.key is not None and planned.inputs is not None

    def keep(directory: Path) -> None:
        for entry in made.iterdir():
            entry.rename(directory / entry.name)
        log = f"== {step.name}: made with the {step.beside}, whose log tells of it\n"
        (directory / "log").write_text(log, encoding="utf-8")

    if any(made.iterdir()):
        context.cache.produce(step.name, planned.key, planned.inputs, keep)
    shutil.rmtree(made)


def make_release(steps: Sequence[ReleaseStep], context: BuildContext, workspace: Workspace, target: Path) -> None:
    """Put the release together in `target`, where all files appear at once."""
    layout = Layout(context.recipe, target.name, find_tree(context).kernel_version, builder.__version__)
    with (
        context.cache.work(steps[-1].name) as scratch,
        output.create_release(target) as directory,
        crew(2) as aside,
    ):
        release = ReleaseContext(
            **vars(context),
            layout=layout,
            scratch=scratch,
            aside=aside,
            root=Joined(directory / layout.root_file),
            server=Joined(directory / layout.bundle_file),
            listed=Joined(directory / tree_list.FILE),
        )
        for step in steps:
            step.begin(release, directory)
        for step in steps:
            reason = step.reason or context.plan.step(step.name).reason
            with workspace.log_step(step.name, reason, _log_name(step, context)) as on_line:
                step.make(replace(release, on_line=on_line), directory)


def _log_name(step: Step, context: BuildContext) -> str:
    return f"{context.recipe.image.name}-{step.name}"


def _without_commands(log: str) -> str:
    """A log without its commands: these name places on this machine, and a release is published."""
    return "".join(line for line in log.splitlines(keepends=True) if not line.startswith(COMMAND))
