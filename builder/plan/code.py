"""Which of our own code makes which step: what a step's key has of this program."""

from __future__ import annotations

from typing import NamedTuple

from builder.boot import initramfs, nic_drivers, pxegrub
from builder.code import PROGRAM
from builder.tree import base, elements, root_image
from builder.tree import build as tree

OVERLAY, BUNDLE, RELEASE = "overlay", "server-bundle", "release"

MESSAGES = ("builder.errors", "builder.events", "builder.urls", "builder.container.mirror", "builder.tree.refusals")
"""What tells a person what happens, or why it failed, changes no byte."""
VALUES = ("builder.recipe",)
"""What a recipe says is among the inputs of the dear steps, value by value: how it was read does not matter to them."""
DECISIONS = ("builder.plan",)
"""What a plan decides shows in the keys of its steps."""

ENGINES = "builder.container"
PACKING = "builder.release.pack"


class Making(NamedTuple):
    """The modules that make something, with all that they import but what is `beyond`."""

    modules: tuple[str, ...]
    beyond: tuple[str, ...] = (*MESSAGES, *VALUES)


MAKING = {
    base.STEP: Making((base.__name__, elements.__name__, ENGINES)),
    tree.STEP: Making((tree.__name__, elements.__name__, ENGINES)),
    root_image.STEP: Making((root_image.__name__, elements.__name__, ENGINES)),
    initramfs.STEP: Making((initramfs.__name__, elements.__name__, ENGINES)),
    nic_drivers.STEP: Making((nic_drivers.__name__, elements.__name__, ENGINES)),
    pxegrub.STEP: Making((pxegrub.__name__, ENGINES)),
    OVERLAY: Making(("builder.overlay.render", PACKING, ENGINES), MESSAGES),
    BUNDLE: Making(("builder.server.bundle", "builder.server.checks", PACKING, ENGINES), MESSAGES),
    RELEASE: Making(("builder.steps", ENGINES), (*MESSAGES, *DECISIONS)),
}
"""What makes each step, and what puts a release together.  What that imports is not imported here: a build that finds
its release does not need it."""


def digest(step: str) -> str:
    """SHA-256 over the code that makes a step."""
    made = MAKING[step]
    return PROGRAM.digest(*made.modules, beyond=made.beyond)
