"""The surroundings in which a step of a build makes its object, and the form of steps whose objects the cache keeps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from builder.cache import Cache
from builder.container.engine import Engine, Image, Room
from builder.debian.archive import Archive
from builder.events import Emit
from builder.plan.model import Plan
from builder.plan.step import Step
from builder.process import OnLine
from builder.recipe.models import Recipe


@dataclass(frozen=True, kw_only=True)
class BuildContext:
    """The surroundings of the steps of one build.

    While steps run, the elements of `recipe` are copies, which nobody edits.  `source_date` is in seconds since 1970
    (UTC).  `room_mib` is the room, in MiB, that work on a whole tree takes for temporary files.  `objects` has the
    directory of each object that is made or found, by the step's name.  The last three are the running step's own: the
    room for its temporary files, the function that gets each line that its tools write, and the steps whose objects
    its job may make as well.
    """

    recipe: Recipe
    plan: Plan
    cache: Cache
    engine: Engine
    image: Image
    archive: Archive
    source_date: int
    room_mib: int
    emit: Emit
    objects: Mapping[str, Path] = field(default_factory=dict)
    room: Room = field(default_factory=Room)
    on_line: OnLine = lambda _line: None
    beside: tuple[CachedStep, ...] = ()


class CachedStep(Step):
    """A step whose object the cache keeps under the step's key."""

    is_cached = True
    works_on_tree: ClassVar[bool] = True
    """Whether the step's job runs scripts of elements on a whole tree, for which it needs much room."""
    beside: ClassVar[str] = ""
    """The name of the step whose job may make this object as well, while it does its own work; empty if none may."""
    checks: ClassVar[str] = ""
    """The name of the step whose object `check` examines as soon as it is there."""

    @abstractmethod
    def make(self, context: BuildContext, directory: Path) -> None:
        """Make the step's object in `directory`.

        :raises NfsrootError: a job of the step failed.
        """

    def configuration(self, recipe: Recipe) -> Mapping[str, str]:  # noqa: ARG002
        """The files, by path, that tell the job of the step `beside` what to make for this step."""
        return {}

    def inputs_beside(self, context: BuildContext) -> Mapping[str, Path]:  # noqa: ARG002
        """The files and directories that the job of the step `beside` reads for this step, beside its configuration."""
        return {}

    def check(self, context: BuildContext) -> None:
        """Examine the object of the step `checks`: refuse it, or emit cautions and notices about it."""

    def finish(self, context: BuildContext) -> None:
        """Record what later builds can use, when the object was made in this build."""
