"""The job that makes a root image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from recording_engine import RecordingEngine
from step_contexts import context_of

from builder.container.engine import Job
from builder.process import OnLine
from builder.recipe.choices import ImageFormat, RootKind
from builder.recipe.models import Recipe
from builder.tree.elements import find_maker
from builder.tree.root_image import ROOT_IMAGE, find_root


@pytest.mark.parametrize("root_format", ImageFormat)
def test_job_reads_the_trees_part(tmp_path: Path, kerrighed: Recipe, root_format: ImageFormat) -> None:
    """The job gets the tree's part, its time and the format, by a script of the element; it has no network."""

    def act(job: Job, _on_line: OnLine) -> None:
        (job.output / f"root.{root_format}").write_text("image")

    engine = RecordingEngine(act)
    element = find_maker(kerrighed)
    root = kerrighed.root.model_copy(update={"kind": RootKind.IMAGE, "format": root_format})
    recipe = kerrighed.model_copy(update={"root": root})
    context = context_of(recipe, engine, tmp_path, source_date=7, objects={"tree": tmp_path / "tree"})
    ROOT_IMAGE.make(context, tmp_path)
    (job,) = engine.jobs
    assert job.argv == ("/input/element/make-root-image", root_format)
    assert (element.path / "make-root-image").stat().st_mode & 0o111
    assert job.inputs["/input/tree.tar.zst"] == tmp_path / "tree/tree.tar.zst"
    assert job.environment == {"SOURCE_DATE_EPOCH": "7"}
    assert not job.network
    assert find_root(replace(context, objects={"root-image": tmp_path})).read_text() == "image"
