"""The run of a scene: its commands, and the findings on its claims."""

from __future__ import annotations

import time
from typing import TypeVar

from builder.errors import NfsrootError
from builder.lab.checks.model import Finding
from builder.lab.events import Claimed, Emit, Ran, SceneBegan
from builder.lab.report.report import CheckResult
from builder.lab.story.commands import Commands
from builder.lab.story.report import CommandRun, SceneReport
from builder.lab.story.scene import Claim, Scene, list_missing_claims

AnyStory = TypeVar("AnyStory")


def play_scene(scene: Scene[AnyStory], story: AnyStory, commands: Commands, emit: Emit, since: float) -> SceneReport:
    """Play a scene, and give the report; a claim without a finding counts as failed.

    `since` is when the story began (seconds, time.monotonic()).
    """
    emit(SceneBegan(scene.name, scene.title))
    began, typed = time.monotonic() - since, len(commands.typed)
    known = {claim.name: claim for claim in scene.claims}
    results: list[CheckResult] = []
    problem = None

    def note(claim: Claim, finding: Finding) -> None:
        result = CheckResult(name=claim.name, holds=claim.holds, passed=not finding.problems, reason=finding.reason)
        results.append(result)
        emit(Claimed(scene.name, result))

    try:
        for name, finding in scene.play(story):
            note(known[name], finding)
    except NfsrootError as error:
        problem = str(error)
    for claim in list_missing_claims(scene, {result.name for result in results}):
        note(claim, Finding("", (f"the claim was not checked: {problem or 'the scene left it out'}",)))
    return SceneReport(
        name=scene.name,
        title=scene.title,
        began=began,
        ended=time.monotonic() - since,
        passed=problem is None and all(result.passed for result in results),
        problem=problem,
        commands=tuple(_report_command(each, since) for each in commands.typed[typed:]),
        claims=tuple(results),
    )


def _report_command(ran: Ran, began: float) -> CommandRun:
    return CommandRun(
        command=ran.command,
        status=ran.status,
        began=ran.began - began,
        ended=ran.began - began + ran.seconds,
        output=ran.output,
    )
