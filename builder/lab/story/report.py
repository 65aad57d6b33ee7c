"""The report on a story: story.json."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from builder.lab.report.report import CheckResult, ReportModel
from builder.lab.vocabulary.hardware import Accelerator

SCHEMA_VERSION = 1
FILE = "story.json"


class CommandRun(ReportModel):
    """A command that was typed on the server."""

    command: str = Field(description="The command.")
    status: int = Field(description="Its exit status.")
    began: float = Field(description="When it began, in seconds since the story did.")
    ended: float = Field(description="When it ended.")
    output: str = Field(description="What it wrote.")


class SpanReport(ReportModel):
    """Something that a node did, in seconds since the story began."""

    node: str = Field(description="Host name of the node.")
    began: float = Field(description="When it began.")
    ended: float = Field(description="When it ended.")
    what: str = Field(description="What that was, in words.")


class SceneReport(ReportModel):
    """A scene that was played."""

    name: str = Field(description="Name of the scene.")
    title: str = Field(description="What it shows, in one sentence.")
    began: float = Field(description="When it began, in seconds since the story did.")
    ended: float = Field(description="When it ended.")
    passed: bool = Field(description="Whether all its claims hold.")
    problem: str | None = Field(description="Why it came to an end before all claims were looked at, if it did.")
    commands: tuple[CommandRun, ...] = Field(description="The commands that were typed.")
    claims: tuple[CheckResult, ...] = Field(
        description="What was found of its claims; one may stand there more than once."
    )


class StoryReport(ReportModel):
    """story.json."""

    schema_version: int = Field(default=SCHEMA_VERSION, description="Version of this schema.")
    story: str = Field(description="Name of the story.")
    name: str = Field(description="Name of the release on trial.")
    versions: dict[str, str] = Field(description="The version of each release of the story, by its letter.")
    tool_version: str = Field(description="Version of nfsroot that played the story.")
    accelerator: Accelerator | None = Field(description="How QEMU ran the nodes.")
    started: datetime = Field(description="When the story began, in UTC.")
    seconds: float = Field(description="How long it took.")
    passed: bool = Field(description="Whether every scene was played and passed.")
    problem: str | None = Field(description="Why there was no stage at all, if there was none.")
    scenes: tuple[SceneReport, ...] = Field(description="The scenes that were played; none follows one that failed.")
    not_played: tuple[str, ...] = Field(description="Names of the scenes that were not played.")
    spans: tuple[SpanReport, ...] = Field(description="What the nodes did.")

    def text(self) -> str:
        """The text of story.json."""
        return self.model_dump_json(indent=1) + "\n"
