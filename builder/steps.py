"""The steps of a build: each calls the module that makes its object, and the last one puts the release together."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections import ChainMap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Protocol

import builder
from builder.boot import boot_files, initramfs, nic_drivers, pxegrub
from builder.container.engine import Engine, Image, Room
from builder.debian import security
from builder.debian.archive import Archive
from builder.debian.selection import Decision
from builder.errors import NoSpaceError
from builder.events import StepReused
from builder.keys import key_of
from builder.layout import Layout
from builder.overlay import render as overlay
from builder.packing import tree_list
from builder.packing.archive import Joined
from builder.parallel import crew
from builder.plan import code
from builder.plan.code import BUNDLE, OVERLAY, RELEASE
from builder.plan.model import Plan
from builder.process import COMMAND, OnLine
from builder.recipe.models import Element, Recipe, RootKind
from builder.release import manifest as manifests
from builder.release import pack
from builder.server import bundle, checks
from builder.tree import base as bases
from builder.tree import build as trees
from builder.tree import root_image as root_images
from builder.tree.build import Tree
from builder.workshop import Workshop

TOOLS = (
    "dnsmasq-base",
    "erofs-utils",
    "grub-pc-bin",
    "grub-efi-amd64-signed",
    "isc-dhcp-server",
    "kea-dhcp4-server",
    "mmdebstrap",
    "nginx",
    "shim-signed",
    "squashfs-tools",
    "tar",
    "zstd",
)
"""The Debian packages of the builder image whose versions a manifest lists."""


class Make(Protocol):
    """A function that makes the object of a step in `directory`, with the arguments that all steps share."""

    def __call__(
        self, directory: Path, *, engine: Engine, image: Image, source_date: int, room: Room, on_line: OnLine
    ) -> None:
        """Make the object; raises NfsrootError when that fails."""


@dataclass(frozen=True)
class Steps:
    """The steps of one build.  Each method gives the object of its step in the cache, and makes it when needed."""

    workshop: Workshop
    image: Image
    plan: Plan
    recipe: Recipe
    packages: Decision
    source_date: int

    def base(self, archive: Archive) -> Path | None:
        """The tree's base; None when the recipe has none, or when the tree is reused and needs no base."""
        if bases.element(self.recipe) is None:
            return None
        if self.plan.step(trees.STEP).reuse:
            self.workshop.emit(StepReused(bases.STEP, self.plan.step(bases.STEP).reason))
            return None
        packages = self.workshop.cache.packages(self.recipe.debian.suite)
        make = partial(bases.make, recipe=self.recipe, archive=archive, packages=packages)
        return self._worked(bases.STEP, make)

    def tree(self, archive: Archive, base: Path | None) -> Tree:
        """The tree.  Its job also makes the initramfs and the archives of NIC drivers, while it packs the tree."""

        def make(directory: Path, **how: Any) -> None:
            beside = {step: files for step, files in self._configured.items() if not self.plan.step(step).reuse}
            for step in beside:
                (directory / step).mkdir()
            with initramfs.in_files(directory, dict(ChainMap(*beside.values()))) as conf:
                trees.make(
                    directory,
                    recipe=self.recipe,
                    archive=archive,
                    base=base,
                    packages=self.workshop.cache.packages(self.recipe.debian.suite),
                    owned_paths=overlay.OWNED_PATHS,
                    configured=conf,
                    drivers_before=self._drivers_before,
                    **how,
                )
            for step in beside:
                self._keep_beside(step, directory / step)

        return Tree(self._worked(trees.STEP, make, *([base] if base else [])))

    def root_image(self, tree: Tree) -> Path:
        """The file of the root image that holds the tree."""
        root_format = self.recipe.root.format
        make = partial(root_images.make, tree=tree, element=self._element, root_format=root_format)
        return self._worked(root_images.STEP, make) / f"root.{root_format}"

    def initramfs(self, tree: Tree) -> Path:
        """The initramfs of the tree's kernel."""
        make = partial(
            initramfs.make,
            tree=tree,
            element=self._element,
            configured=self._configured[initramfs.STEP],
        )
        return self._worked(initramfs.STEP, make)

    def nic_drivers(self, tree: Tree) -> Path:
        """The archives of NIC drivers for the tree's kernel."""
        make = partial(
            nic_drivers.make,
            tree=tree,
            element=self._element,
            configured=self._configured[nic_drivers.STEP],
        )
        step, archives = self.plan.step(nic_drivers.STEP), self._worked(nic_drivers.STEP, make)
        if not step.reuse:
            self.workshop.cache.set_pointer(nic_drivers.STEP, self._drivers_key, str(step.key))
        return archives

    def pxegrub(self) -> Path:
        """The network boot loaders."""

        def make(directory: Path, on_line: OnLine) -> None:
            pxegrub.make(
                directory,
                engine=self.workshop.engine,
                image=self.image,
                variants=self.recipe.boot.variants,
                on_line=on_line,
            )

        return self._cached(pxegrub.STEP, make)

    def release(
        self, target: Path, archive: Archive, tree: Tree, root: Path, ramdisk: Path, drivers: Path, loaders: Path
    ) -> None:
        """Make the release in `target`: overlay, server bundle, manifest and all other files, which appear at once.

        `archive` is the state of the archive that the tree was made from.  `root` is the file that holds the tree.  The
        overlay is added to a tarball; beside an image it stays a file of its own.
        """
        layout = Layout(self.recipe, target.name, tree.kernel_version, builder.__version__)
        frames = tree_list.read_parts(tree.parts)
        with (
            self.workshop.cache.work(RELEASE) as scratch,
            pack.appearing(target) as directory,
            crew(2) as aside,
        ):
            released = Joined(directory / layout.root_file)
            server = Joined(directory / layout.bundle_file)
            listed = Joined(directory / tree_list.FILE)
            image = self.recipe.root.kind is RootKind.IMAGE
            joined = aside.begin(partial(released.copy, root) if image else partial(released.add_parts, root, frames))
            packer = pack.Packer(self.workshop.engine, self.image, scratch, self.source_date)
            with self._running(OVERLAY) as on_line:
                rendered = overlay.render(layout, tree.shadow)
                cluster = packer.overlay(tree, rendered, on_line, alone=image)
            with self._running(BUNDLE) as on_line:
                files = bundle.render(layout)
                check = partial(
                    checks.check,
                    self.recipe,
                    files,
                    engine=self.workshop.engine,
                    image=self.image,
                    scratch=scratch,
                    on_line=on_line,
                )
                checked = aside.begin(check)
                ramdisks = boot_files.join_initramfs(layout, ramdisk, drivers, directory)
                served = boot_files.find_boot_files(layout, tree, ramdisks, loaders)
                packer.server_bundle(server, files, served, on_line)
                hashed = aside.begin(server.hash)
                checked()
            reason = "runs: puts everything in its place"
            with self.workshop.running(RELEASE, reason, self._log_name(RELEASE)):
                self._copy_files(directory, layout, tree, loaders)
                joined()
                if image:
                    shutil.copyfile(cluster.archive, directory / layout.overlay_file)
                else:
                    released.add(cluster.archive)
                    released.add(tree.directories)
                listed.add(tree.listing)
                listed.add(cluster.lines)
                hashed()
                self._write_manifest(directory, layout, archive, tree, (released, server, listed))
                logged = dict.fromkeys((tree.path, root.parent, ramdisk, drivers, loaders))
                (directory / "build.log").write_text(
                    "".join((step / "log").read_text(encoding="utf-8") for step in logged), encoding="utf-8"
                )

    @property
    def _configured(self) -> dict[str, dict[str, str]]:
        """The configuration files of each step that may run in the tree's job, while the tree is packed."""
        return {
            initramfs.STEP: initramfs.configuration(self.recipe.initramfs, self.recipe.root),
            nic_drivers.STEP: nic_drivers.configuration(self.recipe),
        }

    @property
    def _drivers_before(self) -> Path | None:
        """The archives of NIC drivers that were made last with the same configuration, if they are in the cache."""
        cache = self.workshop.cache
        key = cache.pointer(nic_drivers.STEP, self._drivers_key)
        return cache.object(nic_drivers.STEP, key) if key and cache.has(nic_drivers.STEP, key) else None

    @property
    def _drivers_key(self) -> str:
        """The key over all that archives of NIC drivers depend on, apart from the tree."""
        return key_of({"image": self.image.id, "configuration": self._configured[nic_drivers.STEP]})

    def _keep_beside(self, name: str, made: Path) -> None:
        """Move what the tree's job made for the step `name` into the cache.

        When the job made nothing, that step runs by itself later, and reports its own error.
        """
        step = self.plan.step(name)
        assert step.key is not None and step.inputs is not None

        def keep(directory: Path) -> None:
            for entry in made.iterdir():
                entry.rename(directory / entry.name)
            (directory / "log").write_text(f"== {name}: made with the tree, whose log tells of it\n", encoding="utf-8")

        if any(made.iterdir()):
            self.workshop.cache.produce(name, step.key, step.inputs, keep)
        shutil.rmtree(made)

    @property
    def _element(self) -> Element:
        """The element with the scripts that make initramfs, NIC driver archives and root image from a tree."""
        return next(element for element in self.recipe.elements if element.name == initramfs.ELEMENT)

    def _copy_files(self, directory: Path, layout: Layout, tree: Tree, loaders: Path) -> None:
        """Copy the kernel, the boot loaders, the package list and dpkg's data into `directory`."""
        shutil.copyfile(tree.kernel, directory / layout.kernel_file)
        shutil.copytree(loaders, directory / "pxegrub", ignore=shutil.ignore_patterns("step.json", "log"))
        shutil.copyfile(tree.packages, directory / "packages.tsv")
        shutil.copyfile(tree.dpkg_data, directory / trees.DPKG_DATA)

    def _write_manifest(
        self, directory: Path, layout: Layout, archive: Archive, tree: Tree, joined: Iterable[Joined]
    ) -> None:
        """Write the manifest of all files in `directory`; `joined` are those archives whose digests are known."""
        packages = manifests.packages(tree.packages)
        fixed = security.find_fixed(archive, self.recipe.debian.suite, (package.name for package in packages))
        manifest = manifests.Manifest(
            name=self.recipe.image.name,
            version=layout.version,
            content=str(self.plan.content),
            source_date=self.source_date,
            kernel_version=tree.kernel_version,
            server_directory=layout.server_directory,
            recipe=self.recipe.model_dump(mode="json"),
            tools=tools(self.image),
            steps={step.name: str(step.key) for step in self.plan.steps},
            code={step: code.digest(step) for step in (OVERLAY, BUNDLE, RELEASE)},
            files=manifests.released_files(directory, joined),
            packages=manifests.add_security(packages, fixed),
        )
        pack.finish(directory, manifest)

    def _worked(self, name: str, make: Make, *parts: Path) -> Path:
        """The object of a step that works on a whole tree in the builder image, and so needs much room.

        `parts` are objects that become part of this one: their logs begin its log.
        """
        mib = self.packages.room_mib

        def run(directory: Path, on_line: OnLine) -> None:
            def work(room: Room, on_line: OnLine) -> None:
                make(
                    directory,
                    engine=self.workshop.engine,
                    image=self.image,
                    source_date=self.source_date,
                    room=room,
                    on_line=on_line,
                )

            self.workshop.find_room(name, mib, directory, work, on_line)

        try:
            return self._cached(name, run, *parts)
        except NoSpaceError as error:
            free = self.workshop.cache.free_mib()
            need = f"The step {name} takes about {mib} MiB to work, and {self.workshop.cache.root} has {free} MiB free."
            error.details = f"{need}\n{error.details}".strip()
            raise

    def _cached(self, name: str, make: Callable[[Path, OnLine], None], *parts: Path) -> Path:
        """The object of a step, made when it is missing."""
        step, cache = self.plan.step(name), self.workshop.cache
        assert step.key is not None and step.inputs is not None
        if step.reuse or cache.has(name, step.key):
            self.workshop.emit(StepReused(name, step.reason if step.reuse else "made meanwhile"))
            return cache.use(name, step.key)
        with self._running(name) as on_line:

            def make_with_log(directory: Path) -> None:
                make(directory, on_line)
                own = _without_commands(cache.log(self._log_name(name)).read_text(encoding="utf-8"))
                (directory / "log").write_text(
                    "".join([*((part / "log").read_text(encoding="utf-8") for part in parts), own]), encoding="utf-8"
                )

            return cache.produce(name, step.key, step.inputs, make_with_log)

    def _running(self, name: str) -> contextlib.AbstractContextManager[OnLine]:
        """A context in which a step of the plan runs: it reports the step and writes its log."""
        return self.workshop.running(name, self.plan.step(name).reason, self._log_name(name))

    def _log_name(self, step: str) -> str:
        return f"{self.recipe.image.name}-{step}"


def _without_commands(log: str) -> str:
    """A log without its commands: these name places on this machine, and a release is published."""
    return "".join(line for line in log.splitlines(keepends=True) if not line.startswith(COMMAND))


def tools(image: Image) -> dict[str, str]:
    """The versions of the tools that make a release."""
    status = (image.rootfs / "var/lib/dpkg/status").read_text(encoding="utf-8")
    found = dict(re.findall(r"^Package: (\S+)\n(?:.+\n)*?Version: (\S+)$", status, re.MULTILINE))
    return {
        "nfsroot": builder.__version__,
        "diskimage-builder": installed_version("diskimage-builder"),
        **{name: found[name] for name in TOOLS},
    }
