"""The planner, which gives each step of a recipe's build a key and a reason.  It runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from builder.keys import key_of
from builder.plan import code
from builder.plan.explain import explain
from builder.plan.model import Inputs, Plan, PlannedStep
from builder.plan.step import Known, Step
from builder.recipe.models import Recipe

UNKNOWN = {
    "image": "the builder image is to be made first",
    "archive": "the archive was not asked yet",
    "source_date": "the archive was not asked yet",
    "base": "it depends on the base",
    "tree": "it depends on the tree",
    "initramfs": "it depends on the initramfs",
    "nic-drivers": "it depends on the drivers",
    "pxegrub": "it depends on pxegrub",
}
"""The reasons in words why an input is not known yet, by the input's name."""


def make_plan(steps: Sequence[Step], recipe: Recipe, known: Known) -> Plan:
    """The plan of a recipe's build by `steps`, in their order; the last step puts the release together.

    The key of that step is the key of the release's content.
    """
    *parts, last = (step for step in steps if step.is_needed(recipe))
    planned: list[PlannedStep] = []
    keys: dict[str, str | None] = {}
    for step in parts:
        planned.append(_plan_step(step, _inputs(step, recipe, replace(known, keys=dict(keys))), known))
        keys[step.name] = planned[-1].key
    content = None if None in keys.values() else key_of(_inputs(last, recipe, replace(known, keys=keys)))
    release = known.release(content) if content else None
    reused = {step.name for step in planned if step.reuse}
    needless = {step.name for step in parts if release or step.part_of in reused}
    return Plan(
        recipe.image.name,
        tuple(replace(step, reuse=True, reason="unchanged") if step.name in needless else step for step in planned),
        content,
        release,
    )


def _inputs(step: Step, recipe: Recipe, known: Known) -> Inputs:
    return {**step.inputs(recipe, known), "code": code.digest(step)}


def _plan_step(step: Step, inputs: Inputs, known: Known) -> PlannedStep:
    """The step with these inputs: its key, whether the cache has its object, and the reason."""
    missing = [key for key, value in inputs.items() if value is None and key in UNKNOWN]
    if missing:
        return PlannedStep(step.name, None, None, False, f"runs: {UNKNOWN[missing[0]]}")
    key = key_of(inputs)
    if step.is_cached and known.has(step.name, key):
        return PlannedStep(step.name, inputs, key, True, "unchanged")
    if step.name not in known.last:
        return PlannedStep(step.name, inputs, key, False, "runs: never built here")
    difference = explain(known.last[step.name], inputs)
    otherwise = "its object is not in the cache any more" if step.is_cached else "the release's version is new"
    return PlannedStep(step.name, inputs, key, False, f"runs: {difference or otherwise}")
