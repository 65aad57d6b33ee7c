"""The job that makes a root image."""

from __future__ import annotations

from pathlib import Path

import pytest
from recording_engine import IMAGE, RecordingEngine

from builder.boot import initramfs
from builder.container.engine import Job, Room
from builder.process import OnLine
from builder.recipe.models import ImageFormat, Recipe
from builder.tree import root_image
from builder.tree.build import Tree


@pytest.mark.parametrize("root_format", ImageFormat)
def test_job_reads_the_trees_part(tmp_path: Path, kerrighed: Recipe, root_format: ImageFormat) -> None:
    """The job gets the tree's part, its time and the format, by a script of the element; it has no network."""

    def act(job: Job, _on_line: OnLine) -> None:
        (job.output / f"root.{root_format}").write_text("image")

    engine = RecordingEngine(act)
    element = next(element for element in kerrighed.elements if element.name == initramfs.ELEMENT)
    root_image.make(
        tmp_path,
        engine=engine,
        image=IMAGE,
        tree=Tree(tmp_path / "tree"),
        element=element,
        root_format=root_format,
        source_date=7,
        room=Room(),
        on_line=lambda _line: None,
    )
    (job,) = engine.jobs
    assert job.argv == ("/input/element/make-root-image", root_format)
    assert (element.path / "make-root-image").stat().st_mode & 0o111
    assert job.inputs["/input/tree.tar.zst"] == tmp_path / "tree/tree.tar.zst"
    assert job.environment == {"SOURCE_DATE_EPOCH": "7"}
    assert not job.network
