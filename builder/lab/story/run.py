"""A run of a story, which plays scenes and writes story.json and story.html."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import builder
from builder.cache import Cache
from builder.errors import InputError, NfsrootError
from builder.lab.cases.case_run import LOG_LINES, serialize_events
from builder.lab.events import Emit
from builder.lab.machine.paths import list_server_logs, read_last_lines
from builder.lab.released.release import Release
from builder.lab.story import page, report
from builder.lab.story.report import SceneReport, SpanReport, StoryReport
from builder.lab.story.scene import Scene
from builder.lab.story.scene_run import play_scene
from builder.lab.story.site_package import SitePackage
from builder.lab.story.stage import run_stage
from builder.lab.story.story import Story
from builder.lab.vocabulary.hardware import Accelerator
from builder.lab.vocabulary.server_kind import ServerKind
from builder.release.verdict import replace


@dataclass
class StoryRun:
    """The results of a story so far; `began` is the time when the story began (seconds, time.monotonic())."""

    emit: Emit
    began: float
    scenes: list[SceneReport] = field(default_factory=list)
    spans: list[SpanReport] = field(default_factory=list)
    accelerator: Accelerator | None = None
    problem: str | None = None
    logs: Mapping[str, str] = field(default_factory=dict)


def run(
    story: str,
    scenes: Sequence[Scene[Story]],
    releases: Mapping[str, Release],
    names: Sequence[str],
    cache: Cache,
    emit: Emit,
    package: SitePackage | None = None,
) -> StoryReport:
    """Play scenes one after the other until one fails, and write the report beside the directory of release A.

    `releases` has the releases by their letters, and `names` the host names of nodes.
    With `package`, the server is a virtual machine on which that Debian package is installed.

    :raises InputError: the lab cannot run on this machine.
    """
    started = datetime.now(UTC).replace(microsecond=0)
    telling = StoryRun(serialize_events(emit), time.monotonic())
    with cache.in_use(), cache.work("lab") as scratch:
        try:
            _play(telling, scenes, releases, names, cache, scratch, package)
        except InputError:
            raise
        except NfsrootError as error:
            telling.problem = str(error)
        telling.logs = {log.name: read_last_lines(log, LOG_LINES) for log in list_server_logs(scratch)}
    first = releases["A"]
    made = StoryReport(
        story=story,
        name=first.manifest.name,
        versions={letter: release.manifest.version for letter, release in releases.items()},
        tool_version=builder.__version__,
        server=ServerKind.VM if package else ServerKind.NAMESPACE,
        accelerator=telling.accelerator,
        started=started,
        seconds=round(time.monotonic() - telling.began, 1),
        passed=len(telling.scenes) == len(scenes) and all(scene.passed for scene in telling.scenes),
        problem=telling.problem,
        scenes=tuple(telling.scenes),
        not_played=tuple(scene.name for scene in scenes[len(telling.scenes) :]),
        spans=tuple(telling.spans),
    )
    replace(first.directory.parent / report.FILE, made.text().encode())
    replace(first.directory.parent / page.FILE, page.render_page(made, telling.logs).encode())
    return made


def _play(
    telling: StoryRun,
    scenes: Sequence[Scene[Story]],
    releases: Mapping[str, Release],
    names: Sequence[str],
    cache: Cache,
    scratch: Path,
    package: SitePackage | None,
) -> None:
    """Play scenes on a stage until one fails."""
    with ExitStack() as stack:
        made = stack.enter_context(run_stage(releases, scratch, cache, package))
        telling.accelerator = made.accelerator
        played = Story(made, made.begin_commands(telling.emit), telling.emit, names)
        stack.callback(made.cut_power)
        for scene in scenes:
            telling.scenes.append(play_scene(scene, played, played.commands, telling.emit, telling.began))
            spans = [span for node in played.nodes.values() for span in node.spans]
            telling.spans = [
                SpanReport(
                    node=span.node, began=span.began - telling.began, ended=span.ended - telling.began, what=span.what
                )
                for span in spans
            ]
            if not telling.scenes[-1].passed:
                return
