"""The modules of this program that make each step, whose digest is part of the step's key."""

from __future__ import annotations

from typing import NamedTuple

from builder.boot import initramfs, nic_drivers, pxegrub
from builder.code import PROGRAM
from builder.tree import base, elements, root_image
from builder.tree import build as tree

OVERLAY, BUNDLE, RELEASE = "overlay", "server-bundle", "release"

MESSAGES = ("builder.errors", "builder.events", "builder.urls", "builder.container.mirror", "builder.debian.refusals")
"""Modules with messages for people, which change no byte of an object."""
VALUES = ("builder.recipe",)
"""The modules that read recipes.  Expensive steps have the recipe's values among their inputs, so they skip these."""
DECISIONS = ("builder.plan",)
"""The modules that plan.  Their decisions show in the keys of the steps already."""

ENGINES = "builder.container"
PACKING = "builder.release.pack"


class Making(NamedTuple):
    """The modules that make a step's object, with all that they import except the modules `beyond`."""

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
"""The modules that make each step, and those that put a release together.

Some modules are given by name and not imported here, because a build that finds its release does not need them.
"""


def digest(step: str) -> str:
    """The SHA-256 over the code that makes a step."""
    made = MAKING[step]
    return PROGRAM.digest(*made.modules, beyond=made.beyond)
