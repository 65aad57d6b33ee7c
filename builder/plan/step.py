"""The form of a step, as the planner sees it: a name, the code that makes the step's object, and all other inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from builder.plan.model import Inputs
from builder.recipe.models import Recipe

MESSAGES = (
    "builder.boot.known_drivers",
    "builder.container.mirror",
    "builder.debian.refusals",
    "builder.errors",
    "builder.events",
    "builder.urls",
)
"""Modules with messages for people, which change no byte of an object."""
VALUES = ("builder.recipe",)
"""The modules that read recipes.  Expensive steps have the recipe's values among their inputs, so they skip these."""
DECISIONS = ("builder.plan", "builder.context")
"""The modules that plan, and that hand a plan to its steps.  Their decisions show in the keys of the steps already."""

ENGINES = "builder.container"
"""The engines that run the jobs of steps; a build chooses one, so no step imports them."""


class Making(NamedTuple):
    """The modules that make a step's object, with all that they import except the modules `beyond`."""

    modules: tuple[str, ...]
    beyond: tuple[str, ...] = (*MESSAGES, *VALUES, *DECISIONS)


@dataclass(frozen=True)
class Known:
    """The facts beside the recipe that a plan depends on.

    `image` is the builder image's id and `archive` the digest of the archive's state; None when the cache has none yet.
    `source_date` is in seconds since 1970 (UTC).  `has(step, key)` says whether the cache has an object;
    `release(content)` gives the version of the release with this content, if any; `last` holds the inputs of each step
    when this recipe was last built; `keys` has the keys of the steps that are planned already, by their names.
    """

    image: str | None
    archive: str | None
    source_date: int | None
    has: Callable[[str, str], bool] = lambda _step, _key: False
    release: Callable[[str], str | None] = lambda _content: None
    last: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[str, str | None] = field(default_factory=dict)


class Step(ABC):
    """A step of a build, which makes one object, or the release itself."""

    name: ClassVar[str]
    making: ClassVar[Making]
    """The code that makes the step's object."""
    is_cached: ClassVar[bool]
    """Whether the cache keeps the object.  An object that depends on the release's version is made for each release."""
    part_of: ClassVar[str] = ""
    """The name of the only step that needs the object, if no other step does; its log begins with this step's log."""

    def is_needed(self, recipe: Recipe) -> bool:  # noqa: ARG002
        """Whether the build of the recipe has this step."""
        return True

    @abstractmethod
    def inputs(self, recipe: Recipe, known: Known) -> Inputs:
        """All that the object depends on, apart from the code that makes it; None stands for what is not known yet."""


def sections(recipe: Recipe, names: set[str]) -> Inputs:
    """The sections `names` of a recipe, without the version, which is chosen later."""
    dump: dict[str, Any] = recipe.model_dump(mode="json", include=names, exclude={"image": {"version"}})
    return dump
