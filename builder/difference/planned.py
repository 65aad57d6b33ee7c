"""Makes the side of a difference that is a recipe: the facts about its next release that are known before a build."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import builder
from builder.boot.initramfs import INITRAMFS
from builder.boot.nic_drivers import NIC_DRIVERS
from builder.boot.pxegrub import PXEGRUB
from builder.cache import Cache
from builder.debian import archive as archives
from builder.debian.relations import version_key
from builder.debian.security import find_fixed
from builder.difference.nodes import TO_BE_MADE
from builder.difference.subject import Subject
from builder.difference.texts import Names
from builder.layout import Layout
from builder.overlay import render as overlay
from builder.plan.model import Plan
from builder.recipe.models import Recipe
from builder.release.manifest import Package, add_security
from builder.release.unpacking import Text
from builder.rendered_files import RenderedFile
from builder.server import bundle
from builder.tree.build import TREE
from builder.tree.owned_paths import SHADOW

LOCKED_ROOT = "root:*:::::::\n"
"""The file of passwords for rendering the overlay; the tree has another one, so the file is not compared."""
KERNEL_AND_TREE = "The kernel, the files of the tree and the packages that others need are known when it is built."


def read_recipe(recipe: Recipe, plan: Plan, release: Subject, cache: Cache) -> Subject:
    """The subject of the release that a recipe would make; steps with the same keys have the results of `release`.

    `recipe` is what `builder.build.check` gives, and `plan` the plan of its build.  Settings, menus and overlay are
    rendered under the release's version and for its kernel.
    """
    layout = Layout(recipe, release.manifest.version, release.manifest.kernel_version, builder.__version__)
    steps = {step.name: step.key or "" for step in plan.steps}
    same_tree = _is_same(TREE.name, steps, release)
    rendered = _texts(file for file in overlay.render(layout, LOCKED_ROOT) if file.path != SHADOW)
    packages, remarks = (release.packages, ()) if same_tree else _expect_packages(recipe, release, cache)
    manifest = release.manifest.model_copy(
        update={"name": recipe.image.name, "server_directory": layout.server_directory}
    )
    return replace(
        release,
        title=f"recipe {recipe.image.name}",
        is_recipe=True,
        manifest=manifest,
        names=Names(manifest),
        recipe=recipe,
        settings=recipe.model_dump(mode="json"),
        packages=packages,
        steps=steps,
        listing=release.listing if same_tree else None,
        overlay=None if release.overlay is None else rendered,
        bundle=_texts(bundle.render(layout)),
        boot_files=dict(_boot_files(recipe, steps, release)),
        remarks=(*remarks, *(() if same_tree else (KERNEL_AND_TREE,))),
    )


def leave_out_shadow(release: Subject) -> Subject:
    """The release without /etc/shadow, of which the recipe determines no more than the line of root."""
    texts = release.overlay and {path: text for path, text in release.overlay.items() if path != SHADOW}
    return replace(release, overlay=texts)


def _is_same(step: str, steps: Mapping[str, str], release: Subject) -> bool:
    return bool(steps.get(step)) and steps.get(step) == release.steps.get(step)


def _texts(files: Iterable[RenderedFile]) -> dict[str, Text]:
    return {file.path: Text(bytes(file.content), file.mode) for file in files}


def _boot_files(recipe: Recipe, steps: Mapping[str, str], release: Subject) -> Iterator[tuple[str, str]]:
    """Yield the digest of each file that nodes load: the release's if the steps that make it have the same keys."""
    kernel = release.manifest.kernel_version
    of_tree, of_loaders = ((TREE.name,), (PXEGRUB.name,))
    of_initramfs = (INITRAMFS.name, NIC_DRIVERS.name)
    names = [f"initrd.img-{kernel}", *(f"initrd.img-{kernel}.{node.nic}" for node in recipe.cluster.nodes if node.nic)]
    for path in dict.fromkeys((*release.boot_files, *names)):
        needs = of_tree if path.startswith("vmlinuz-") else of_initramfs if path in names else of_loaders
        if path.startswith("initrd.img-") and path not in names:
            continue  # no node needs it any more
        same = all(_is_same(step, steps, release) for step in needs)
        yield path, release.boot_files.get(path, TO_BE_MADE) if same else TO_BE_MADE


def _expect_packages(
    recipe: Recipe, release: Subject, cache: Cache
) -> tuple[tuple[Package, ...] | None, tuple[str, ...]]:
    """The release's packages and those that the recipe names, in the versions of the archive, and remarks on them.

    A build decides which other packages come or go with these.
    """
    archive = archives.Snapshots(cache, recipe.debian).find()
    if archive is None or not archive.index.exists():
        return None, ("The packages are not known: no build here has asked the archive of this suite.",)
    installed = {package.name: package for package in release.packages or ()}
    named = dict.fromkeys((*installed, *recipe.packages))
    with archive.candidates() as candidates:
        found = {name: candidates.package(name) for name in named}
    expected = []
    for name in named:
        candidate, package = found[name], installed.get(name)
        if package and candidate and version_key(candidate.version) != version_key(package.version):
            expected.append(package.model_copy(update={"version": candidate.version}))
        elif package:
            expected.append(package)
        elif candidate:
            architecture = recipe.debian.architecture
            expected.append(Package(name=name, version=candidate.version, architecture=architecture, source=name))
    remark = (
        f"Packages are as expected from the archive's state of {archive.date:%Y-%m-%d %H:%M} UTC: what the recipe "
        "names and what the release has. A build decides which others come and go with these."
    )
    fixed = find_fixed(archive, recipe.debian.suite, named)
    return add_security(expected, fixed), (remark,)
