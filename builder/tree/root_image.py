"""The root image: the tree as one read-only file system, in a file."""

from __future__ import annotations

from pathlib import Path

from builder.container.engine import Engine, Image, Job
from builder.process import OnLine
from builder.recipe.models import Element, ImageFormat
from builder.tree.build import Tree

STEP = "root-image"
WORK_MIB = 4096


def make(
    directory: Path,
    *,
    engine: Engine,
    image: Image,
    tree: Tree,
    element: Element,
    root_format: ImageFormat,
    source_date: int,
    work: Path | None,
    on_line: OnLine,
) -> None:
    """Make `root.FORMAT` in `directory`; `element` has the script that does it.

    :raises CommandError: the file system could not be made.
    """
    job = Job(
        argv=("/input/element/make-root-image", root_format),
        output=directory,
        inputs={"/input/element": element.path, "/input/tree.tar.zst": tree.part},
        environment={"SOURCE_DATE_EPOCH": str(source_date)},
        work_mib=WORK_MIB,
        work=work,
    )
    engine.run(image, job, on_line)
