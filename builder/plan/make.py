"""The planner, which turns a recipe into the steps of its build, each with a key and a reason.  It runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import builder
from builder.boot import initramfs, nic_drivers, pxegrub
from builder.debian import archive as archives
from builder.keys import key_of
from builder.overlay.render import OWNED_PATHS
from builder.plan import code
from builder.plan.code import BUNDLE, OVERLAY, RELEASE
from builder.plan.explain import explain
from builder.plan.model import Inputs, Plan, Step
from builder.recipe.models import Element, Recipe, RootKind
from builder.tree import base, elements, root_image
from builder.tree import build as tree


@dataclass(frozen=True)
class Known:
    """The facts beside the recipe that a plan depends on.

    `image` is the builder image's id and `archive` the digest of the archive's state; None when the cache has none yet.
    `source_date` is in seconds since 1970 (UTC).  `has(step, key)` says whether the cache has an object;
    `release(content)` gives the version of the release with this content, if any; `last` holds the inputs of each step
    when this recipe was last built.
    """

    image: str | None
    archive: str | None
    source_date: int | None
    has: Callable[[str, str], bool] = lambda _step, _key: False
    release: Callable[[str], str | None] = lambda _content: None
    last: Mapping[str, Any] = field(default_factory=dict)


def make(recipe: Recipe, known: Known) -> Plan:
    """The plan of a recipe's build."""
    planner = _Planner(known)
    maker = base.element(recipe)
    bases: tuple[Step, ...] = (planner.step(base.STEP, _base(recipe, known, maker)),) if maker else ()
    made_tree = planner.step(tree.STEP, _tree(recipe, known, *bases))
    if made_tree.reuse:  # nobody needs its base then, whether it is in the cache or not
        bases = tuple(replace(step, reuse=True, reason="unchanged") for step in bases)
    is_image = recipe.root.kind is RootKind.IMAGE
    image = (planner.step(root_image.STEP, _root_image(recipe, made_tree)),) if is_image else ()
    ramdisk = planner.step(initramfs.STEP, _initramfs(recipe, made_tree))
    drivers = planner.step(nic_drivers.STEP, _nic_drivers(recipe, made_tree))
    loaders = planner.step(pxegrub.STEP, _pxegrub(recipe, known))
    overlay = planner.step(OVERLAY, _overlay(recipe, made_tree), cached=False)
    bundle = planner.step(BUNDLE, _bundle(recipe, ramdisk, drivers, loaders), cached=False)
    steps: tuple[Step, ...] = (*bases, made_tree, *image, ramdisk, drivers, loaders, overlay, bundle)
    content = _content(recipe, steps)
    release = known.release(content) if content else None
    if release:
        steps = tuple(replace(step, reuse=True, reason="unchanged") for step in steps)
    return Plan(recipe.image.name, steps, content, release)


def _content(recipe: Recipe, steps: Iterable[Step]) -> str | None:
    """The key of a release's content, over its steps, the recipe, and the code that puts the release together.

    The recipe counts without the cluster, which is an input of the overlay, and without the version, which is chosen
    later.  None while the key of a step is unknown.
    """
    keys = {step.name: step.key for step in steps}
    if None in keys.values():
        return None
    rest = recipe.model_dump(mode="json", exclude={"cluster": True, "image": {"version"}})
    return key_of({"steps": keys, "recipe": rest, "code": code.digest(RELEASE)})


class _Planner:
    """A maker of steps from inputs: it finds the key, whether the cache has the object, and the reason."""

    def __init__(self, known: Known) -> None:
        self._known = known

    def step(self, name: str, inputs: Inputs, *, cached: bool = True) -> Step:
        """The step `name` with these inputs; an input that is None is not known yet.

        A step that is not `cached` depends on the release's version, so it runs for each release.
        """
        missing = [key for key, value in inputs.items() if value is None and key in UNKNOWN]
        if missing:
            return Step(name, None, None, False, f"runs: {UNKNOWN[missing[0]]}")
        key = key_of(inputs)
        if cached and self._known.has(name, key):
            return Step(name, inputs, key, True, "unchanged")
        if name not in self._known.last:
            return Step(name, inputs, key, False, "runs: never built here")
        difference = explain(self._known.last[name], inputs)
        otherwise = "its object is not in the cache any more" if cached else "the release's version is new"
        return Step(name, inputs, key, False, f"runs: {difference or otherwise}")


UNKNOWN = {
    "image": "the builder image is to be made first",
    "archive": "the archive was not asked yet",
    "source_date": "the archive was not asked yet",
    "base": "it depends on the base",
    "tree": "it depends on the tree",
    "initramfs": "it depends on the initramfs",
    "nic-drivers": "it depends on the drivers",
    "pxegrub": "it depends on pxegrub",
}
"""The reasons in words why an input is not known yet, by the input's name."""


def _base(recipe: Recipe, known: Known, maker: Element) -> Inputs:
    return {
        **_archive(recipe, known),
        "packages": list(recipe.base_packages),
        "element": elements.digest(maker),
        "code": code.digest(base.STEP),
    }


def _tree(recipe: Recipe, known: Known, *bases: Step) -> Inputs:
    return {
        **_archive(recipe, known),
        **{step.name: step.key for step in bases},
        "packages": list(recipe.packages),
        "elements": {element.name: elements.digest(element) for element in recipe.elements},
        **recipe.model_dump(mode="json", include={"variables", "environment"}),
        "owned_paths": sorted(OWNED_PATHS),
        "secrets": list(recipe.secrets),
        "code": code.digest(tree.STEP),
    }


def _archive(recipe: Recipe, known: Known) -> Inputs:
    """The inputs that tree and base share: builder image, archive, source date, `[debian]` and accounts."""
    return {
        "image": known.image,
        "archive": known.archive,
        "source_date": known.source_date,
        "debian": archives.inputs(recipe.debian),
        "accounts": recipe.debian.accounts,
    }


def _root_image(recipe: Recipe, made_tree: Step) -> Inputs:
    return {"tree": made_tree.key, "format": recipe.root.format, "code": code.digest(root_image.STEP)}


def _initramfs(recipe: Recipe, made_tree: Step) -> Inputs:
    return {
        "tree": made_tree.key,
        "configuration": initramfs.configuration(recipe.initramfs, recipe.root),
        "code": code.digest(initramfs.STEP),
    }


def _nic_drivers(recipe: Recipe, made_tree: Step) -> Inputs:
    return {
        "tree": made_tree.key,
        "configuration": nic_drivers.configuration(recipe),
        "code": code.digest(nic_drivers.STEP),
    }


def _pxegrub(recipe: Recipe, known: Known) -> Inputs:
    return {"image": known.image, "variants": list(recipe.boot.variants), "code": code.digest(pxegrub.STEP)}


def _overlay(recipe: Recipe, made_tree: Step) -> Inputs:
    sections = {"files", "image", "root", "login", "kerrighed", "cluster"}
    return {
        "tree": made_tree.key,
        "recipe": _sections(recipe, sections),
        "transport": recipe.boot.transport,
        "code": code.digest(OVERLAY),
        "tool": builder.__version__,
    }


def _bundle(recipe: Recipe, ramdisk: Step, drivers: Step, loaders: Step) -> Inputs:
    sections = {"files", "image", "kernel", "root", "boot", "kerrighed", "cluster"}
    return {
        "initramfs": ramdisk.key,
        "nic-drivers": drivers.key,
        "pxegrub": loaders.key,
        "recipe": _sections(recipe, sections),
        "code": code.digest(BUNDLE),
        "tool": builder.__version__,
    }


def _sections(recipe: Recipe, names: set[str]) -> Inputs:
    """The sections `names` of a recipe, without the version, which is chosen later."""
    dump: dict[str, Any] = recipe.model_dump(mode="json", include=names, exclude={"image": {"version"}})
    return dump
