"""`nfsroot lab --story` as a user meets it, up to the stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lab_report import cell, node, report

from builder.cli import lab_story
from builder.cli.lab import STORIES as NAMES
from builder.lab import host
from builder.lab import run as lab_run
from builder.lab.report.report import CheckResult
from builder.lab.story import run as running
from builder.lab.story import stories, story_releases
from builder.lab.story.report import SceneReport, StoryReport
from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.release.manifest import FILE, Manifest

Nfsroot = Callable[..., Any]

WRONG = CheckResult(name="menus", holds="each menu loads A", passed=False, reason="ssi2: no kernel")
SCENE = SceneReport(
    name="roll back", title="", began=0, ended=1, passed=False, problem=None, commands=(), claims=(WRONG,)
)


@pytest.fixture(autouse=True)
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine has all that the lab needs."""
    monkeypatch.setattr(host, "need", lambda _: None)


def test_names() -> None:
    """The command line offers the stories that there are."""
    assert set(NAMES) == set(stories.STORIES)


def test_dry_run(nfsroot: Nfsroot) -> None:
    """A dry run prints every scene with what must hold, and needs neither root nor a release."""
    done = nfsroot("lab", "--story", "update", "--dry-run", "debian-nfsroot")
    assert done.status == 0, done.err
    for scene in stories.STORIES["update"]:
        assert f"{scene.name}: {scene.title}" in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dry-run", "debian-nfsroot"], "--dry-run needs --story"),
        (["--story", "update", "--matrix", "quick", "debian-nfsroot"], "--story cannot be combined with --matrix"),
        (
            ["--story", "update", "--ssh-key", "/etc/passwd", "debian-nfsroot"],
            "--story cannot be combined with --ssh-key",
        ),
        (["--story", "update", "kerrighed"], "share one writable root"),
        (["--story", "update", "--nodes", "ssi1", "debian-nfsroot"], "a story needs two nodes"),
        (["--story", "update", "--nodes", "ssi[1-9]", "debian-nfsroot"], "the release has no node ssi5"),
        (["--story", "update", "output/nothing"], "there is no recipe"),
        (
            ["--story", "update", "--server", "vm", "debian-nfsroot"],
            "Make the package in a checkout of nfsroot:\n  make deb",
        ),
    ],
    ids=["dry run alone", "matrix", "key", "writable root", "one node", "unknown node", "nothing", "no package"],
)
def test_refused(nfsroot: Nfsroot, words: Sequence[str], said: str) -> None:
    """What makes no sense is refused before anything is built."""
    done = nfsroot("lab", *words)
    assert done.status == 2
    assert said in done.err


@pytest.mark.parametrize("passed", [True, False])
def test_quick_matrix(nfsroot: Nfsroot, manifest: Manifest, monkeypatch: pytest.MonkeyPatch, *, passed: bool) -> None:
    """The quick matrix ends with scenes of the first release that suits, which count for the exit status."""
    asked: list[Sequence[object]] = []

    def played(*arguments: object) -> bool:
        asked.append(arguments)
        return passed

    recipe = load("debian-nfsroot", SearchPath.default())
    for named, changes in (
        ("kerrighed", {}),
        ("unknown", {"recipe": recipe.model_dump(mode="json")}),
        ("debian-nfsroot", {"recipe": recipe.model_dump(mode="json")}),
    ):
        directory = Path("output") / named / "1.0"
        directory.mkdir(parents=True)
        (directory / FILE).write_text(manifest.model_copy(update={"name": named, **changes}).text())
    monkeypatch.setattr(lab_run, "run", lambda *_: report(cell(node())))
    monkeypatch.setattr(lab_story, "play", played)
    done = nfsroot(
        "lab", "--matrix", "quick", *(f"output/{name}/1.0" for name in ("kerrighed", "unknown", "debian-nfsroot"))
    )
    assert done.status == (0 if passed else 1), done.err
    ((story, named, names, _, _, scenes),) = asked
    assert (story, names, scenes) == ("update", ["ssi1", "ssi2"], stories.QUICK)
    assert str(named).endswith("output/debian-nfsroot/1.0")


@pytest.mark.parametrize("passed", [True, False])
def test_verdict(nfsroot: Nfsroot, manifest: Manifest, monkeypatch: pytest.MonkeyPatch, *, passed: bool) -> None:
    """A release whose recipe is at hand plays with its first four nodes; a story that fails says why, with status 1."""
    directory = Path("output/kerrighed/1.0")
    directory.mkdir(parents=True)
    (directory / FILE).write_text(manifest.text())
    asked: list[Sequence[str]] = []

    def ran(story: str, _scenes: object, _releases: object, names: Sequence[str], *_: object) -> StoryReport:
        asked.append(names)
        return StoryReport(
            story=story, name="kerrighed", versions={}, tool_version="1", accelerator=None, seconds=1,
            started=datetime(2026, 1, 31, tzinfo=UTC), passed=passed, problem=None, spans=(),
            scenes=() if passed else (SCENE,), not_played=() if passed else ("refuse",),
        )  # fmt: skip

    monkeypatch.setattr(story_releases, "need_suitable", lambda _: None)
    monkeypatch.setattr(story_releases, "gather_releases", lambda *_: {})
    monkeypatch.setattr(running, "run", ran)
    done = nfsroot("lab", "--story", "update", str(directory))
    assert asked == [[f"ssi{number}" for number in range(1, lab_story.NODES + 1)]]
    assert done.status == (0 if passed else 1)
    assert ("roll back: menus: ssi2: no kernel" in done.out) is not passed
    assert "output/kerrighed/story.html" in done.out


def test_virtual_server(nfsroot: Nfsroot, manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --server vm the package of the output directory is played with."""
    directory, asked = Path("output/kerrighed/1.0"), []
    directory.mkdir(parents=True)
    (directory / FILE).write_text(manifest.text())

    def played(*arguments: object, **options: object) -> bool:
        asked.append((arguments[-1], options))
        return True

    monkeypatch.setattr(lab_story, "play", played)
    assert nfsroot("lab", "--story", "update", "--server", "vm", "--output", "there", str(directory)).status == 0
    assert nfsroot("lab", "--story", "update", str(directory)).status == 0
    assert asked == [(Path("there"), {"virtual": True}), (Path("output"), {"virtual": False})]
