"""The plan of a build: a value that can be shown, compared and tested without touching a disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class PlannedStep:
    """A step of a recipe's build, as the planner decided it.

    `key` is a pure function of `inputs`; both are None while an input is unknown (the archive was never asked, the
    builder image is not made).  `reuse` says that the step need not run, because its object exists; `reason` says in
    words why the step runs or not.
    """

    name: str
    inputs: Inputs | None
    key: str | None
    reuse: bool
    reason: str


@dataclass(frozen=True)
class Plan:
    """The steps of one recipe's build, in order.

    `content` is the key of the release's content, which does not depend on its version; None while it is unknown.
    `release` is the version of an existing release with this content, if any; the build then has nothing to do.
    """

    recipe: str
    steps: tuple[PlannedStep, ...]
    content: str | None
    release: str | None

    def step(self, name: str) -> PlannedStep:
        """The step called `name`."""
        return next(step for step in self.steps if step.name == name)

    def inputs(self) -> dict[str, Inputs]:
        """The inputs of each step whose inputs are known, by the step's name."""
        return {step.name: step.inputs for step in self.steps if step.inputs is not None}
