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
from builder.errors import NfsrootError
from builder.events import Caution, Emit, Notice, StepFinished, StepOutput, StepReused, StepStarted
from builder.overlay import render as overlay
from builder.plan import make as planning
from builder.plan.model import Plan, Step
from builder.process import OnLine
from builder.recipe.models import Recipe, ReleaseFacts, Variant
from builder.release import manifest as manifests
from builder.release import pack, versions
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
        with pack.appearing(releases / chosen) as directory:
            run.release(directory, chosen, tree, ramdisk, loaders)
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

    def release(self, directory: Path, version: str, tree: Tree, ramdisk: Path, loaders: Path) -> None:
        started = time.monotonic()
        emit = self.workshop.emit
        for name in (planning.OVERLAY, planning.BUNDLE):
            emit(StepStarted(name, self.plan.step(name).reason))
        with self.workshop.cache.work(RELEASE) as scratch:
            packer = pack.Packer(self.workshop.engine, self.image, scratch, self.source_date, _unlogged)
            self._fill(directory, version, packer, tree, ramdisk, loaders)
        emit(StepFinished(planning.BUNDLE, time.monotonic() - started))

    def _fill(
        self, directory: Path, version: str, packer: pack.Packer, tree: Tree, ramdisk: Path, loaders: Path
    ) -> None:
        """Put every file of the release into `directory`."""
        facts = ReleaseFacts(version=version, kernel_version=tree.kernel_version, tool_version=builder.__version__)
        stem = f"{self.recipe.image.name}-{version}"
        rendered = overlay.render(self.recipe, facts, tree.shadow)
        packer.root_tarball(tree, rendered, directory / f"{stem}-root.tar.zst")
        shutil.copyfile(tree.kernel, directory / facts.kernel_file)
        shutil.copyfile(ramdisk / facts.initrd_file, directory / facts.initrd_file)
        shutil.copytree(loaders, directory / "pxegrub", ignore=shutil.ignore_patterns("step.json", "log"))
        shutil.copyfile(tree.packages, directory / "packages.tsv")
        served = bundle.render(self.recipe, facts)
        packer.server_bundle(self.recipe, facts, served, directory, directory / f"{stem}-server.tar.gz")
        manifest = manifests.Manifest(
            name=self.recipe.image.name,
            version=version,
            content=str(self.plan.content),
            source_date=self.source_date,
            kernel_version=tree.kernel_version,
            server_directory=self.recipe.server_directory(version),
            recipe=self.recipe.model_dump(mode="json", exclude={"access": {"root_password_hash"}}),
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
        step, cache, emit = self.plan.step(name), self.workshop.cache, self.workshop.emit
        assert step.key is not None and step.inputs is not None
        if step.reuse:
            emit(StepReused(name, step.reason))
            return cache.use(name, step.key)
        started = time.monotonic()
        emit(StepStarted(name, step.reason))
        log = cache.log(f"{self.recipe.image.name}-{name}")
        try:
            path = cache.produce(
                name, step.key, step.inputs, lambda directory: self._logged(step, make, directory, log)
            )
        except NfsrootError as error:
            error.resolution = f"{error.resolution}\nThe whole output: {log}".strip()
            raise
        emit(StepFinished(name, time.monotonic() - started))
        return path

    def _logged(self, step: Step, make: Callable[[Path, OnLine], None], directory: Path, log: Path) -> None:
        with log.open("w") as file:
            file.write(f"== {step.name} {step.key}: {step.reason}\n")

            def on_line(line: str) -> None:
                file.write(f"{line}\n")
                self.workshop.emit(StepOutput(step.name, line))

            make(directory, on_line)
        shutil.copyfile(log, directory / "log")


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
    started = time.monotonic()
    workshop.emit(StepStarted(builder_image.STEP, "runs: it is made once, for every recipe"))
    image = builder_image.ensure(workshop.cache, workshop.emit)
    workshop.emit(StepFinished(builder_image.STEP, time.monotonic() - started))
    return image


def _archive(recipe: Recipe, workshop: Workshop, image: Image, refresh: bool) -> Archive:
    found = archives.find(workshop.cache, recipe.debian)
    if found is None or refresh:
        reason = "runs: asked to refresh" if found else "runs: the archive was not asked yet"
        found = archives.look(workshop.cache, workshop.engine, image, recipe.debian, workshop.emit, reason)
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


def _unlogged(_line: str) -> None:
    """Drop a line: zstd and gzip say nothing unless they fail, and then the error has it."""


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
