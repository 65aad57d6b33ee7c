"""The form of the steps that put a release together, and the release under way that they work on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from builder.container.engine import Job
from builder.context import BuildContext
from builder.layout import Layout
from builder.packing.archive import Joined
from builder.parallel import Crew
from builder.plan.step import Step


@dataclass(frozen=True, kw_only=True)
class ReleaseContext(BuildContext):
    """The surroundings of the steps that put one release together.

    `scratch` is a directory for temporary files.  The threads of `aside` do work beside that of the steps; `pending`
    has functions that wait for this work, of which each raises the error of its work.  `root`, `server` and `listed`
    are the archives of the release whose parts are known: root file, server bundle and list of the tree.
    """

    layout: Layout
    scratch: Path
    aside: Crew
    root: Joined
    server: Joined
    listed: Joined
    pending: list[Callable[[], object]] = field(default_factory=list)

    def compress(self, texts: Mapping[str, bytes], command: tuple[str, ...], suffix: str) -> tuple[Path, ...]:
        """Compress texts by `command` in the builder image, and return the files, named after the texts."""
        for name, text in texts.items():
            (self.scratch / name).write_bytes(text)
        job = Job((*command, *(f"/output/{name}" for name in texts)), output=self.scratch)
        self.engine.run(self.image, job, self.on_line)
        return tuple(self.scratch / f"{name}.{suffix}" for name in texts)


class ReleaseStep(Step):
    """A step that makes a part of a release, which depends on the release's version."""

    is_cached = False
    reason: ClassVar[str] = ""
    """The reason in words why the step runs, if the plan gives none."""

    def begin(self, context: ReleaseContext, directory: Path) -> None:
        """Begin, in a thread of `context.aside`, what can be done beside the steps before this one."""

    @abstractmethod
    def make(self, context: ReleaseContext, directory: Path) -> None:
        """Make the step's part of the release in `directory`.

        :raises NfsrootError: the part cannot be made.
        """
