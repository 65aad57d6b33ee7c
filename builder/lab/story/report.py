"""The file story.json: the report on a story."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from builder.lab.report.report import CheckResult, ReportModel
from builder.lab.vocabulary.hardware import Accelerator
from builder.lab.vocabulary.server_kind import ServerKind

SCHEMA_VERSION = 1
FILE = "story.json"


class CommandRun(ReportModel):
    """A command that was typed on the server."""

    command: str = Field(description="The command.")
    status: int = Field(description="Exit status of the command.")
    began: float = Field(description="Time when the command began, in seconds since the story began.")
    ended: float = Field(description="Time when the command ended.")
    output: str = Field(description="Output of the command.")


class SpanReport(ReportModel):
    """An action of a node; times are in seconds since the story began."""

    node: str = Field(description="Host name of the node.")
    began: float = Field(description="Time when the action began.")
    ended: float = Field(description="Time when the action ended.")
    what: str = Field(description="Description of the action.")


class SceneReport(ReportModel):
    """A scene that was played."""

    name: str = Field(description="Name of the scene.")
    title: str = Field(description="Description of the scene, in one sentence.")
    began: float = Field(description="Time when the scene began, in seconds since the story began.")
    ended: float = Field(description="Time when the scene ended.")
    passed: bool = Field(description="Whether all claims of the scene hold.")
    problem: str | None = Field(
        description="Reason why the scene ended before all claims were checked; null if it did not."
    )
    commands: tuple[CommandRun, ...] = Field(description="The commands that were typed.")
    claims: tuple[CheckResult, ...] = Field(
        description="The results of the claims; a claim may have several, for several nodes."
    )


class StoryReport(ReportModel):
    """The content of story.json."""

    schema_version: int = Field(default=SCHEMA_VERSION, description="Version of this schema.")
    story: str = Field(description="Name of the story.")
    name: str = Field(description="Name of the release under test.")
    versions: dict[str, str] = Field(description="The version of each release of the story, by the release's letter.")
    tool_version: str = Field(description="Version of nfsroot that played the story.")
    server: ServerKind = Field(default=ServerKind.NAMESPACE, description="Kind of the server that served the nodes.")
    accelerator: Accelerator | None = Field(description="Part of QEMU that ran the nodes; null if none was started.")
    started: datetime = Field(description="Time when the story began, in UTC.")
    seconds: float = Field(description="Duration of the story, in seconds.")
    passed: bool = Field(description="Whether every scene was played and passed.")
    problem: str | None = Field(description="Reason why the server did not start; null if it did.")
    scenes: tuple[SceneReport, ...] = Field(description="The scenes that were played; none follows one that failed.")
    not_played: tuple[str, ...] = Field(description="Names of the scenes that were not played.")
    spans: tuple[SpanReport, ...] = Field(description="The actions of the nodes.")

    def text(self) -> str:
        """The text of story.json."""
        return self.model_dump_json(indent=1) + "\n"
