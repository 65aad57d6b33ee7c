"""Builds that are interrupted or killed."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from command import IN_FOREGROUND, Project
from traces import Traces

from builder.process import COMMAND

pytestmark = pytest.mark.container

INTERRUPTED = 130
BEGUN = COMMAND
FULL_SWING = "Setting up"
"""What dpkg says when it runs in the tree."""


@pytest.mark.parametrize(
    ("step", "line", "made_before"),
    [
        ("builder-image", BEGUN, ()),
        ("builder-image", "I: downloading packages", ()),
        ("archive", BEGUN, ()),
        ("base", BEGUN, ()),
        ("base", FULL_SWING, ()),
        ("tree", BEGUN, ("base",)),
        ("tree", "dib-run-parts Running", ("base",)),
        ("initramfs", BEGUN, ("tree",)),
        ("pxegrub", BEGUN, ("tree", "initramfs", "nic-drivers")),
        ("overlay", BEGUN, ("tree", "initramfs", "nic-drivers", "pxegrub")),
        ("server-bundle", BEGUN, ("tree", "initramfs", "nic-drivers", "pxegrub")),
        ("release", "", ("tree", "initramfs", "nic-drivers", "pxegrub")),
    ],
)
def test_interrupt(project: Callable[..., Project], step: str, line: str, made_before: tuple[str, ...]) -> None:
    """Ctrl-C in any step ends the build with status 130 and leaves neither a release nor work in progress."""
    made = project(*made_before)
    forgotten = {"builder-image": "objects/builder-image-*", "archive": "pointers/*"}
    for path in made.cache.glob(forgotten[step]) if step in forgotten else ():
        path.unlink()
    build = made.building(around=IN_FOREGROUND)
    build.until("StepOutput" if line else "StepStarted", step, line)
    done = build.send(signal.SIGINT)
    assert done.status == INTERRUPTED
    assert done.errors.strip() == "interrupted"
    assert made.left() == []
    assert made.working() == []


def test_killed_build_leaves_nothing_that_the_next_one_does_not_remove(
    project: Callable[..., Project], tiny: Project
) -> None:
    """SIGKILL while the container runs ends every process of it; the next build sweeps up and succeeds."""
    made = project()
    before = Traces.now(made.cache)
    build = made.building()
    build.until("StepOutput", "base", FULL_SWING)
    assert build.send(signal.SIGKILL).status == -signal.SIGKILL
    before.assert_unchanged(made.cache)
    assert made.left() == []
    # The base's own directory and the copies of elements; where memory is short, scratch space is on the disk, too.
    assert set(made.working()) - {"scratch"} == {"base", "elements"}

    assert made.build().status == 0
    assert made.working() == []
    assert made.release.name == tiny.release.name


def test_killed_bootstrap_of_the_builder_image_leaves_no_process(project: Callable[..., Project]) -> None:
    """SIGKILL while the host bootstraps the builder image ends mmdebstrap and all that it started."""
    made = project()
    (image,) = made.cache.glob("objects/builder-image-*")
    image.unlink()
    before = Traces.now(made.cache)
    build = made.building()
    build.until("StepOutput", "builder-image", "I: downloading packages")
    build.send(signal.SIGKILL)
    before.assert_unchanged(made.cache)
    assert made.left() == []
