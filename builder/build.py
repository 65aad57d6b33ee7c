"""A build, from recipe to release.  `build` is its table of contents."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path

import builder
from builder.boot import initramfs, pxegrub
from builder.cache import Cache
from builder.container import image as builder_image
from builder.container.engine import Engine, Image
from builder.errors import InputError, NfsrootError
from builder.events import Caution, Emit, Notice, StepFinished, StepOutput, StepReused, StepStarted
from builder.overlay import render as overlay
from builder.plan import make as planning
from builder.plan.model import Plan
from builder.process import COMMAND, OnLine
from builder.recipe.models import Recipe, ReleaseFacts, Variant
from builder.release import manifest as manifests
from builder.release import pack, versions
from builder.release.archive import join
from builder.server import bundle
from builder.tree import archive as archives
from builder.tree import build as trees
from builder.tree.archive import Archive
from builder.tree.build import Tree

RELEASE = "release"
TOOLS = ("grub-pc-bin", "grub-efi-amd64-signed", "isc-dhcp-server", "mmdebstrap", "shim-signed", "tar", "zstd")
MIB_TO_SPARE = 1024


@dataclass(frozen=True)
class Workshop:
    """Where a build works: its cache, its container engine, where releases go and who hears of what happens."""

    cache: Cache
    engine: Engine
    output: Path
    emit: Emit


@dataclass(frozen=True)
class Outcome:
    """A finished build: the release's directory, and whether it was there before."""

    directory: Path
    found: bool


def plan(recipe: Recipe, cache: Cache, output: Path, *, version: str | None, source_date: int | None) -> Plan:
    """What a build would do, from what is on this machine now; nothing is made, nobody is asked."""
    return _plan(
        recipe,
        cache,
        versions.contents(output / recipe.image.name),
        builder_image.find(cache),
        archives.find(cache, recipe.debian),
        version or recipe.image.version,
        source_date,
    )


def build(
    recipe: Recipe, workshop: Workshop, *, version: str | None, source_date: int | None, refresh: bool
) -> Outcome:
    """Build a recipe's release, or find it.

    `version` is the one wanted, if any; `source_date` (seconds since 1970, UTC) stands in for the archive's
    date; `refresh` asks the archive for its present state first.

    :raises NfsrootError: says what failed; nothing is left in the output directory.
    """
    cache, releases = workshop.cache, workshop.output / recipe.image.name
    pack.need_writable(releases)
    wanted = version or recipe.image.version
    with cache.lock(f"build-{recipe.image.name}"):
        cache.sweep()
        _caution(recipe, workshop.emit)
        image = _builder_image(workshop)
        archive = _archive(recipe, workshop, image, refresh)
        date = int(archive.date.timestamp()) if source_date is None else source_date
        existing = versions.contents(releases)
        planned = _plan(recipe, cache, existing, image, archive, wanted, date)
        if planned.release:
            return Outcome(releases / planned.release, found=True)
        assert planned.content is not None, "with image and archive at hand every key is known"
        chosen = versions.next_version(existing, wanted, date)

        run = _Run(workshop, image, planned, recipe, date)
        tree = Tree(run.tree(archive))
        ramdisk = run.initramfs(tree)
        loaders = run.pxegrub()
        run.release(releases / chosen, tree, ramdisk, loaders)
        cache.remember_inputs(recipe.image.name, planned.inputs())
    return Outcome(releases / chosen, found=False)


@dataclass(frozen=True)
class _Run:
    """The steps of one build that is under way."""

    workshop: Workshop
    image: Image
    plan: Plan
    recipe: Recipe
    source_date: int

    def tree(self, archive: Archive) -> Path:
        packages = self.workshop.cache.packages(self.recipe.debian.suite)

        def make(directory: Path, on_line: OnLine) -> None:
            with _scratch(self.workshop.cache, trees.WORK_MIB) as work:
                trees.make(
                    directory,
                    engine=self.workshop.engine,
                    image=self.image,
                    recipe=self.recipe,
                    archive=archive,
                    packages=packages,
                    owned_paths=map(str, overlay.OWNED_PATHS),
                    source_date=self.source_date,
                    work=work,
                    on_line=on_line,
                )

        return self._cached(trees.STEP, make)

    def initramfs(self, tree: Tree) -> Path:
        element = next(element for element in self.recipe.elements if element.name == initramfs.ELEMENT)

        def make(directory: Path, on_line: OnLine) -> None:
            with _scratch(self.workshop.cache, initramfs.WORK_MIB) as work:
                initramfs.make(
                    directory,
                    engine=self.workshop.engine,
                    image=self.image,
                    tree=tree,
                    element=element,
                    initramfs=self.recipe.initramfs,
                    source_date=self.source_date,
                    work=work,
                    on_line=on_line,
                )

        return self._cached(initramfs.STEP, make)

    def pxegrub(self) -> Path:
        def make(directory: Path, on_line: OnLine) -> None:
            pxegrub.make(
                directory,
                engine=self.workshop.engine,
                image=self.image,
                variants=self.recipe.boot.variants,
                on_line=on_line,
            )

        return self._cached(pxegrub.STEP, make)

    def release(self, target: Path, tree: Tree, ramdisk: Path, loaders: Path) -> None:
        """Put the release together: overlay, server bundle, and then everything at once in its place."""
        facts = ReleaseFacts(version=target.name, kernel_version=tree.kernel_version, tool_version=builder.__version__)
        with self.workshop.cache.work(RELEASE) as scratch:
            packer = pack.Packer(self.workshop.engine, self.image, scratch, self.source_date)
            with self._running(planning.OVERLAY) as on_line:
                end = packer.overlay(tree, overlay.render(self.recipe, facts, tree.shadow), on_line)
            with self._running(planning.BUNDLE) as on_line:
                served = pack.served(self.recipe, facts, tree, ramdisk, loaders)
                server = packer.server_bundle(bundle.render(self.recipe, facts), served, on_line)
            reason = "runs: puts everything in its place"
            with (
                _running(self.workshop, RELEASE, reason, self._log(RELEASE)),
                pack.appearing(target) as directory,
            ):
                stem = f"{self.recipe.image.name}-{facts.version}"
                join([tree.part, end], directory / f"{stem}-root.tar.zst")
                shutil.copyfile(server, directory / f"{stem}-server.tar.gz")
                self._complete(directory, facts, tree, ramdisk, loaders)

    def _complete(self, directory: Path, facts: ReleaseFacts, tree: Tree, ramdisk: Path, loaders: Path) -> None:
        """Put what the steps made into `directory`, with the manifest of everything there."""
        shutil.copyfile(tree.kernel, directory / facts.kernel_file)
        shutil.copyfile(ramdisk / facts.initrd_file, directory / facts.initrd_file)
        shutil.copytree(loaders, directory / "pxegrub", ignore=shutil.ignore_patterns("step.json", "log"))
        shutil.copyfile(tree.packages, directory / "packages.tsv")
        manifest = manifests.Manifest(
            name=self.recipe.image.name,
            version=facts.version,
            content=str(self.plan.content),
            source_date=self.source_date,
            kernel_version=tree.kernel_version,
            server_directory=self.recipe.server_directory(facts.version),
            recipe=self.recipe.model_dump(mode="json"),
            tools=tools(self.image),
            steps={step.name: str(step.key) for step in self.plan.steps},
            files=manifests.released_files(directory),
            packages=manifests.packages(tree.packages),
        )
        pack.finish(directory, manifest)
        logs = (path / "log" for path in (tree.path, ramdisk, loaders))
        (directory / "build.log").write_text("".join(log.read_text() for log in logs))

    def _cached(self, name: str, make: Callable[[Path, OnLine], None]) -> Path:
        """The object of a step, made when it is missing."""
        step, cache = self.plan.step(name), self.workshop.cache
        assert step.key is not None and step.inputs is not None
        if step.reuse:
            self.workshop.emit(StepReused(name, step.reason))
            return cache.use(name, step.key)
        with self._running(name) as on_line:

            def make_with_log(directory: Path) -> None:
                make(directory, on_line)
                (directory / "log").write_text(_without_commands(self._log(name).read_text()))

            return cache.produce(name, step.key, step.inputs, make_with_log)

    def _running(self, name: str) -> contextlib.AbstractContextManager[OnLine]:
        """One of the plan's steps while it runs."""
        return _running(self.workshop, name, self.plan.step(name).reason, self._log(name))

    def _log(self, name: str) -> Path:
        return self.workshop.cache.log(f"{self.recipe.image.name}-{name}")


@contextlib.contextmanager
def _running(workshop: Workshop, name: str, reason: str, log: Path) -> Iterator[OnLine]:
    """A step while it runs: its start and its time are told, and every line that it writes goes to its log too."""
    started = time.monotonic()
    workshop.emit(StepStarted(name, reason))
    with log.open("w", buffering=1) as file:
        file.write(f"== {name}: {reason}\n")

        def on_line(line: str) -> None:
            file.write(f"{line}\n")
            workshop.emit(StepOutput(name, line))

        try:
            yield on_line
        except InputError:
            raise
        except NfsrootError as error:
            error.resolution = f"{error.resolution}\nThe whole output, with the commands: {log}".strip()
            raise
    workshop.emit(StepFinished(name, time.monotonic() - started))


def _without_commands(log: str) -> str:
    """A log without the commands in it: a release is published, and they name places on this machine."""
    return "".join(line for line in log.splitlines(keepends=True) if not line.startswith(COMMAND))


def tools(image: Image) -> dict[str, str]:
    """Versions of the tools that make a release."""
    status = (image.rootfs / "var/lib/dpkg/status").read_text()
    found = dict(re.findall(r"^Package: (\S+)\n(?:.+\n)*?Version: (\S+)$", status, re.MULTILINE))
    return {
        "nfsroot": builder.__version__,
        "diskimage-builder": installed_version("diskimage-builder"),
        **{name: found[name] for name in TOOLS},
    }


def _plan(
    recipe: Recipe,
    cache: Cache,
    existing: dict[str, str],
    image: Image | None,
    archive: Archive | None,
    wanted: str | None,
    source_date: int | None,
) -> Plan:
    if source_date is None and archive:
        source_date = int(archive.date.timestamp())
    known = planning.Known(
        image=image.id if image else None,
        archive=archive.digest if archive else None,
        source_date=source_date,
        has=cache.has,
        release=lambda content: versions.holding(existing, content, wanted),
        last=cache.last_inputs(recipe.image.name),
    )
    return planning.make(recipe, known)


def _builder_image(workshop: Workshop) -> Image:
    found = builder_image.find(workshop.cache)
    if found is not None:
        return found
    reason = "runs: it is made once, for every recipe"
    with _running(workshop, builder_image.STEP, reason, workshop.cache.log(builder_image.STEP)) as on_line:
        return builder_image.ensure(workshop.cache, on_line)


def _archive(recipe: Recipe, workshop: Workshop, image: Image, refresh: bool) -> Archive:
    found = archives.find(workshop.cache, recipe.debian)
    if found is None or refresh:
        reason = "runs: asked to refresh" if found else "runs: the archive was not asked yet"
        log = workshop.cache.log(f"{archives.STEP}-{recipe.debian.suite}")
        with _running(workshop, archives.STEP, reason, log) as on_line:
            found = archives.look(workshop.cache, workshop.engine, image, recipe.debian, on_line)
    workshop.emit(Notice(f"Debian {recipe.debian.suite} as of {found.date:%Y-%m-%d %H:%M} UTC (--refresh looks again)"))
    return found


def _caution(recipe: Recipe, emit: Emit) -> None:
    if not recipe.access.root_password_hash and not recipe.access.ssh_keys:
        emit(
            Caution(
                "nobody can log in on the nodes: root is locked. Set ssh_keys or root_password_hash under [access]."
            )
        )
    if recipe.boot.variants == (Variant.SECURE_BOOT,):
        emit(Caution("nodes with BIOS firmware get no boot loader: [boot] variants has only secure-boot."))


@contextlib.contextmanager
def _scratch(cache: Cache, mib: int) -> Iterator[Path | None]:
    """A directory on disk to work in, or None where memory has room for `mib` MiB: a tmpfs is much faster."""
    if _available_mib() > mib + MIB_TO_SPARE:
        yield None
        return
    with cache.work("scratch") as directory:
        yield directory


def _available_mib() -> int:
    """MemAvailable of /proc/meminfo (proc(5)), in MiB."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(found[1]) >> 10 if found else 0
