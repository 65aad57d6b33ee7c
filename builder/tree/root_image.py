"""The root image: a file that holds the tree as one read-only file system."""

from __future__ import annotations

from pathlib import Path

from builder.container.engine import Engine, Image, Job, Room
from builder.process import OnLine
from builder.recipe.models import Element, ImageFormat
from builder.tree.build import Tree

STEP = "root-image"


def make(
    directory: Path,
    *,
    engine: Engine,
    image: Image,
    tree: Tree,
    element: Element,
    root_format: ImageFormat,
    source_date: int,
    room: Room,
    on_line: OnLine,
) -> None:
    """Make `root.FORMAT` in `directory`, with a script of `element`.

    :raises CommandError: the file system could not be made.
    """
    job = Job(
        argv=("/input/element/make-root-image", root_format),
        output=directory,
        inputs={"/input/element": element.path, **tree.job_inputs},
        environment={"SOURCE_DATE_EPOCH": str(source_date)},
        room=room,
    )
    engine.run(image, job, on_line)
