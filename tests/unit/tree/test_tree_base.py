"""The job that makes the base of trees."""

from __future__ import annotations

from pathlib import Path

import pytest
from recording_engine import RecordingEngine
from step_contexts import context_of

from builder.container.engine import Job
from builder.debian.archive import Archive
from builder.errors import NfsrootError
from builder.process import CommandError, OnLine
from builder.recipe.models import Recipe
from builder.tree.base import BASE, ELEMENT


def make(tmp_path: Path, engine: RecordingEngine, recipe: Recipe, archive: Archive) -> Path:
    """Make a base with what an engine does; gives the base's directory."""
    directory = tmp_path / "base"
    directory.mkdir()
    BASE.make(context_of(recipe, engine, tmp_path, archive=archive), directory)
    return directory


def download(job: Job, _on_line: OnLine) -> None:
    """Leave one downloaded package."""
    (job.output / "packages").mkdir()
    (job.output / "packages/vim_1_amd64.deb").write_text("deb")


def test_job_installs_what_recipes_share(tmp_path: Path, kerrighed: Recipe, archive: Archive) -> None:
    """The kernel and what the elements need are installed; what the recipe itself asks for is not."""
    engine = RecordingEngine()
    make(tmp_path, engine, kerrighed, archive)
    (job,) = engine.jobs
    assert job.argv[0] == "/input/element/install-packages"
    assert job.argv[-len(kerrighed.base_packages) :] == kerrighed.base_packages
    assert {"linux-image-amd64", "nfs-common"} <= set(kerrighed.base_packages) < set(kerrighed.packages)
    assert job.inputs["/input/lists"] == archive.lists
    assert job.environment["SOURCE_DATE_EPOCH"] == "1763200000"
    assert job.network


def test_downloaded_packages_are_kept(tmp_path: Path, kerrighed: Recipe, archive: Archive) -> None:
    """New packages go to those downloaded before, and are not part of the base."""
    directory = make(tmp_path, RecordingEngine(download), kerrighed, archive)
    assert [path.name for path in (tmp_path / "cache/packages/trixie").iterdir()] == ["vim_1_amd64.deb"]
    assert list(directory.iterdir()) == []


def test_mirror_that_is_away_is_named(tmp_path: Path, kerrighed: Recipe, archive: Archive) -> None:
    """When packages cannot be downloaded, the message speaks of the mirror."""

    def fail(job: Job, _on_line: OnLine) -> None:
        raise CommandError(job.name, job.argv, 1, ["E: Temporary failure resolving 'mirror.example'"])

    with pytest.raises(NfsrootError, match="cannot be reached"):
        make(tmp_path, RecordingEngine(fail), kerrighed, archive)


def test_recipe_with_a_root_of_its_own(kerrighed: Recipe) -> None:
    """Without the element that makes bases there is none."""
    elements = tuple(element for element in kerrighed.elements if element.name != ELEMENT)
    assert not BASE.is_needed(kerrighed.model_copy(update={"elements": elements}))
