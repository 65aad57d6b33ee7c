"""The plan of a build: a value that can be shown, compared and tested without touching a disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One unit of cached work.

    `key` is a pure function of `inputs`; both are None as long as something that they depend on is not known
    (the archive was never asked, the builder image is not made).  `reuse` says that the step's object is
    there, so that it need not run; `reason` says in words why it runs or not.
    """

    name: str
    inputs: Inputs | None
    key: str | None
    reuse: bool
    reason: str


@dataclass(frozen=True)
class Plan:
    """The steps of one recipe's build, in order.

    `content` identifies what the release will hold, whatever its version; None while it is not known.
    `release` is the version of a release that holds just this, if there is one: then nothing is to be done.
    """

    recipe: str
    steps: tuple[Step, ...]
    content: str | None
    release: str | None

    def step(self, name: str) -> Step:
        """The step of that name."""
        return next(step for step in self.steps if step.name == name)

    def inputs(self) -> dict[str, Inputs]:
        """The known inputs of each step, by its name."""
        return {step.name: step.inputs for step in self.steps if step.inputs is not None}
