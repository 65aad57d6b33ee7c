"""A whole build with an engine that only pretends: the order of steps, their reasons, and what failures leave."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_index import write_index
from recording_engine import RecordingEngine

from builder.build import Outcome, build, plan
from builder.cache import Cache
from builder.container import image as builder_image
from builder.container.engine import Job
from builder.debian import archive
from builder.errors import InputError, NfsrootError, RecipeError
from builder.events import Caution, Event, Notice, StepFinished, StepOutput, StepReused, StepStarted
from builder.keys import key_of
from builder.process import COMMAND, CommandError, OnLine
from builder.recipe.choices import ImageFormat, RootKind, Variant
from builder.recipe.models import Login, Recipe
from builder.release.manifest import Manifest
from builder.release.manifest_writer import TOOLS
from builder.workspace import Workspace

KVER = "6.12.1-amd64"
SOURCE_DATE = 1763200000  # 2025-11-15
STEPS = ["base", "tree", "initramfs", "nic-drivers", "pxegrub", "overlay", "server-bundle", "release"]
PROGRAMS = [
    "install-packages",
    "disk-image-create",
    "make-initramfs",
    "make-nic-archives",
    "grub-mkimage",
    "install",
    "zstd",
    "gzip",
]


def pretend(job: Job, on_line: OnLine) -> None:
    """Leave in the job's output directory what its program would."""
    on_line(f"{COMMAND}bwrap {job.name}")
    on_line(f"this is {job.name}")
    output = job.output
    match job.name:
        case "install-packages":
            (output / "packages").mkdir()
            (output / "rest.tar.zst").write_text("base")
        case "disk-image-create":
            (output / "tree.tar.zst").write_text("tree")
            (output / "directories.tar.zst").write_text("directories")
            (output / "parts.tsv").write_text(f"{hashlib.sha256(b'tree').hexdigest()}\t4\n")
            (output / "tree.tsv.zst").write_text("list")
            (output / "paths").write_text("etc\0etc/passwd")
            (output / f"vmlinuz-{KVER}").write_text("kernel")
            (output / "shadow").write_text("root:*:20000:0:99999:7:::\n")
            (output / "packages.tsv").write_text("nano\t8.4-1\tamd64\t\n")
            (output / "dpkg.tar.zst").write_text("data")
            (output / "modules.dep").write_text("kernel/drivers/net/virtio_net.ko.xz\nkernel/fs/overlay.ko.xz\n")
            built_in = ("nfsv3", "af_packet", "loop", "erofs")
            (output / "modules.builtin").write_text("".join(f"kernel/{name}.ko\n" for name in built_in))
            (output / "modules.alias").write_text("crc32c\n")
        case "make-root-image":
            (output / f"root.{job.argv[-1]}").write_text("image")
        case "make-initramfs":
            (output / f"initrd.img-{KVER}").write_text("initramfs")
        case "make-nic-archives":
            for wanted in (job.inputs["/input/conf"] / "nic").iterdir():
                (output / wanted.name).write_text(f"+{wanted.name}")
        case "grub-mkimage":
            name = next(word for word in job.argv if word.startswith("--output=/output/"))
            (output / name.removeprefix("--output=/output/")).write_text("grub")
        case "install":
            (output / "secure-boot").mkdir()
            for source in map(Path, job.argv[4:]):
                (output / "secure-boot" / source.name).write_text("signed")
        case "zstd" | "gzip":
            for source in (output / Path(name).name for name in job.argv if name.startswith("/output/")):
                source.rename(source.with_name(source.name + {"zstd": ".zst", "gzip": ".gz"}[job.name]))


class Site:
    """A machine that has the builder image and knows the archive; `events` are those of the last build."""

    def __init__(self, directory: Path, recipe: Recipe) -> None:
        self.cache = Cache(directory / "cache")
        self.output = directory / "output"
        self.recipe = recipe
        self.events: list[Event] = []
        status = "".join(f"Package: {name}\nStatus: install ok installed\nVersion: 1\n\n" for name in TOOLS)

        def make_image(target: Path) -> None:
            (target / "rootfs/var/lib/dpkg").mkdir(parents=True)
            (target / "rootfs/var/lib/dpkg/status").write_text(status)
            (target / "id").write_text("a" * 24)

        def make_archive(target: Path) -> None:
            (target / "state.json").write_text(json.dumps({"date": "2025-11-16T10:00:00+00:00"}))
            write_index(target, recipe.packages)
            (target / archive.SKELETON).write_text("")
            (target / archive.ORDER).touch()

        self.cache.produce(builder_image.STEP, key_of(builder_image.definition()), {}, make_image)
        self.cache.produce(archive.STEP, "b" * 24, {}, make_archive)
        self.cache.set_pointer(archive.STEP, key_of(archive.inputs(recipe.debian)), "b" * 24)

    def build(
        self, recipe: Recipe | None = None, engine: RecordingEngine | None = None, version: str | None = None
    ) -> Outcome:
        """Build a recipe, this site's own by default."""
        self.events = []
        workspace = Workspace(self.cache, engine or RecordingEngine(pretend), self.output, self.events.append)
        return build(recipe or self.recipe, workspace, version=version, source_date=SOURCE_DATE, refresh=False)

    def steps(self, kind: type[StepStarted] | type[StepFinished] | type[StepReused]) -> list[str]:
        """The steps of the last build that have an event of some kind."""
        return [event.step for event in self.events if isinstance(event, kind)]

    def releases(self) -> list[str]:
        """Everything beside the releases, hidden or not."""
        return sorted(path.name for path in self.output.glob("*/*"))


@pytest.fixture
def site(tmp_path: Path, kerrighed: Recipe) -> Site:
    """A machine on which nothing was built yet."""
    return Site(tmp_path, kerrighed)


def with_one_more_node(recipe: Recipe) -> Recipe:
    """The recipe, its cluster grown by a node."""
    node = recipe.cluster.nodes[0].model_copy(update={"name": "ssi9", "ordinal": 9})
    cluster = recipe.cluster.model_copy(update={"nodes": (*recipe.cluster.nodes, node)})
    return recipe.model_copy(update={"cluster": cluster})


def files(directory: Path) -> Iterator[str]:
    """Every file of a release."""
    return (str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_first_build(site: Site) -> None:
    """Every step starts with its reason and ends with a time of its own, in the order of the build."""
    outcome = site.build()
    assert not outcome.found
    assert site.steps(StepStarted) == site.steps(StepFinished) == STEPS
    assert site.steps(StepReused) == []
    kinds = [type(event) for event in site.events if isinstance(event, StepStarted | StepFinished)]
    assert kinds == [StepStarted, StepFinished] * len(STEPS)


def make_both(job: Job, on_line: OnLine) -> None:
    """Pretend, and make the initramfs and the archives of drivers with the tree."""
    pretend(job, on_line)
    if job.name == "disk-image-create" and (job.inputs["/input/conf"] / "initramfs.conf").exists():
        (job.output / f"initramfs/initrd.img-{KVER}").write_text("initramfs")
        (job.output / "nic-drivers/default").write_text("+default")


def test_initramfs_made_with_the_tree(site: Site) -> None:
    """What the tree's job made beside it is its step's object, and needs no job of its own; the tree's has none."""
    engine = RecordingEngine(make_both)
    release = site.build(engine=engine).directory
    assert not {"make-initramfs", "make-nic-archives"} & {job.name for job in engine.jobs}
    assert StepReused("initramfs", "made meanwhile") in site.events
    assert StepReused("nic-drivers", "made meanwhile") in site.events
    assert (release / f"initrd.img-{KVER}").read_text() == "initramfs+default"
    (tree,) = site.cache.root.glob("objects/tree-*")
    assert not {"conf", "initramfs", "nic-drivers"} & {path.name for path in tree.iterdir()}
    (ramdisk,) = site.cache.root.glob("objects/initramfs-*")
    assert {path.name for path in ramdisk.iterdir()} == {f"initrd.img-{KVER}", "log", "step.json"}


def test_initramfs_alone(site: Site) -> None:
    """When only the initramfs is to be made anew, its own job makes it of the tree that is there."""
    site.build(engine=RecordingEngine(make_both))
    level = site.recipe.initramfs.model_copy(update={"compression_level": 1})
    engine = RecordingEngine(make_both)
    site.build(site.recipe.model_copy(update={"initramfs": level}), engine)
    assert "disk-image-create" not in [job.name for job in engine.jobs]
    assert "make-initramfs" in [job.name for job in engine.jobs]


def test_archives_of_drivers_are_offered_to_the_next_tree(site: Site) -> None:
    """The job of another tree gets the archives that were made last with the same settings, and with others none."""

    def offered(recipe: Recipe) -> Path | None:
        engine = RecordingEngine(make_both)
        site.build(recipe, engine)
        (job,) = (job for job in engine.jobs if job.name == "disk-image-create")
        return job.inputs.get("/input/nic-drivers-before")

    def in_environment(value: str, **settings: object) -> Recipe:
        initramfs = site.recipe.initramfs.model_copy(update=settings)
        return site.recipe.model_copy(update={"environment": {"DIB_A": value}, "initramfs": initramfs})

    assert offered(site.recipe) is None
    (first,) = site.cache.root.glob("objects/nic-drivers-*")
    assert offered(in_environment("a")) == first
    assert offered(in_environment("b", compression_level=1)) is None


def test_node_with_a_nic_has_an_initramfs_of_its_own(site: Site) -> None:
    """What a node's `nic` needs stands behind the initramfs, in a file that its menu alone names; the tree stays."""
    site.build()
    first, *others = site.recipe.cluster.nodes
    nodes = (first.model_copy(update={"nic": "virtio_net"}), *others)
    cluster = site.recipe.cluster.model_copy(update={"nodes": nodes})
    release = site.build(site.recipe.model_copy(update={"cluster": cluster})).directory
    assert site.steps(StepReused) == ["base", "tree", "initramfs", "pxegrub"]
    assert (release / f"initrd.img-{KVER}").read_text() == "initramfs+default"
    assert (release / f"initrd.img-{KVER}.virtio_net").read_text() == "initramfs+virtio_net"
    assert f"initrd.img-{KVER}.virtio_net" in {file.path for file in Manifest.read(release).files}


def test_module_that_the_kernel_lacks(site: Site) -> None:
    """A driver that the kernel lacks ends the build, and leaves no release in which it is missing without a word."""
    settings = site.recipe.initramfs.model_copy(update={"nic_drivers": ("virtionet",)})
    with pytest.raises(RecipeError, match="has no module 'virtionet'; did you mean 'virtio_net'"):
        site.build(site.recipe.model_copy(update={"initramfs": settings}))
    assert site.releases() == []


def test_release_has_every_file(site: Site) -> None:
    """A release holds what its documentation says, and its manifest every file of it."""
    directory = site.build().directory
    assert directory == site.output / "kerrighed/2025.11.15"
    expected = {
        "kerrighed-2025.11.15-root.tar.zst",
        "kerrighed-2025.11.15-server.tar.gz",
        f"vmlinuz-{KVER}",
        f"initrd.img-{KVER}",
        "pxegrub/pxegrub.i386-pc",
        "pxegrub/pxegrub.x86_64-efi",
        *(f"pxegrub/secure-boot/{name}x64.efi" for name in ("shim", "grub", "mm")),
        "packages.tsv",
        "dpkg.tar.zst",
        "tree.tsv.zst",
    }
    assert set(files(directory)) == expected | {"manifest.json", "SHA256SUMS", "build.log"}
    manifest = Manifest.read(directory)
    assert {file.path for file in manifest.files} == expected
    assert manifest.steps.keys() == set(STEPS) - {"release"}
    assert (directory / "kerrighed-2025.11.15-root.tar.zst").read_bytes().startswith(b"tree")


def test_release_of_an_image(site: Site, debian: Recipe) -> None:
    """Instead of a root tarball the release has an image, made in a step of its own, and the overlay beside it."""
    root = debian.root.model_copy(update={"kind": RootKind.IMAGE, "format": ImageFormat.EROFS, "writable": ()})
    recipe = debian.model_copy(update={"root": root})
    directory = site.build(recipe).directory
    assert site.steps(StepFinished) == ["base", "tree", "root-image", *STEPS[2:]]
    assert "this is make-root-image" in (directory / "build.log").read_text()
    stem = "debian-nfsroot-2025.11.15"
    assert (directory / f"{stem}-root.erofs").read_text() == "image"
    assert (directory / f"{stem}-overlay.tar.zst").stat().st_size > 0
    assert list(directory.glob("*-root.tar.zst")) == []
    listed = {file.path for file in Manifest.read(directory).files}
    assert {f"{stem}-root.erofs", f"{stem}-overlay.tar.zst"} < listed

    site.build(with_one_more_node(recipe))
    assert site.steps(StepReused) == ["base", "tree", "root-image", "initramfs", "nic-drivers", "pxegrub"]


def test_unchanged_recipe_finds_its_release(site: Site) -> None:
    """A second build does nothing but say which release it is."""
    first = site.build()
    engine = RecordingEngine(pretend)
    second = site.build(engine=engine)
    assert second == Outcome(first.directory, found=True)
    assert engine.jobs == []
    assert site.steps(StepStarted) == []


def test_one_more_node(site: Site) -> None:
    """A node more reuses tree, initramfs and pxegrub, and gives another release of the same day."""
    site.build()
    outcome = site.build(with_one_more_node(site.recipe))
    assert outcome.directory.name == "2025.11.15.1"
    assert site.steps(StepReused) == ["base", "tree", "initramfs", "nic-drivers", "pxegrub"]
    reasons = {event.step: event.reason for event in site.events if isinstance(event, StepStarted)}
    assert reasons["overlay"] == reasons["server-bundle"] == "runs: recipe.cluster.nodes: + ssi9"


def test_plan_says_what_a_build_then_does(site: Site) -> None:
    """The steps and reasons of a plan are those of the build that follows it."""
    site.build()
    recipe = with_one_more_node(site.recipe)
    planned = plan(recipe, site.cache, site.output, version=None, source_date=SOURCE_DATE)
    site.build(recipe)
    assert [step.name for step in planned.steps if step.reuse] == site.steps(StepReused)
    assert {step.name: step.reason for step in planned.steps if not step.reuse} == {
        event.step: event.reason for event in site.events if isinstance(event, StepStarted) and event.step != "release"
    }


def test_wanted_version_is_taken(site: Site) -> None:
    """A version that holds other content is refused before any step runs; the release stays."""
    directory = site.build(version="1.0").directory
    before = (directory / "manifest.json").read_bytes()
    engine = RecordingEngine(pretend)
    with pytest.raises(InputError, match=r"release 1\.0 exists and holds something else"):
        site.build(with_one_more_node(site.recipe), engine, version="1.0")
    assert engine.jobs == []
    assert (directory / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("error", [CommandError("tool", ["tool"], 1, ["it broke"]), KeyboardInterrupt()])
def test_failure_in_each_job(site: Site, program: str, error: BaseException) -> None:
    """Whatever job fails or is interrupted: no part of a release is seen, and a second try succeeds."""

    def fail(job: Job, on_line: OnLine) -> None:
        pretend(job, on_line)
        if job.name == program:
            raise error

    with pytest.raises(type(error)):
        site.build(engine=RecordingEngine(fail))
    assert site.releases() == []
    assert list((site.cache.root / "unfinished").iterdir()) == []
    assert site.build().directory.is_dir()


def test_failure_names_the_log(site: Site) -> None:
    """A failed step names the log that has its whole output and the command to paste."""

    def fail(job: Job, on_line: OnLine) -> None:
        pretend(job, on_line)
        raise CommandError(job.name, ["bwrap", job.name], 1, ["it broke"])

    with pytest.raises(NfsrootError) as caught:
        site.build(engine=RecordingEngine(fail))
    log = site.cache.log("kerrighed-base")
    assert str(log) in caught.value.resolution
    assert "bwrap" not in str(caught.value)
    assert log.read_text().splitlines() == [
        "== base: runs: never built here",
        f"{COMMAND}bwrap install-packages",
        "this is install-packages",
    ]


def test_unknown_package_names_no_log(site: Site, kerrighed: Recipe) -> None:
    """A mistake of the user's is told as that; there is no log to read about it."""
    debian = kerrighed.debian.model_copy(update={"packages": ("nanno",)})
    engine = RecordingEngine(pretend)
    with pytest.raises(InputError, match="there is no package 'nanno' in Debian trixie") as caught:
        site.build(kerrighed.model_copy(update={"debian": debian}), engine)
    assert ".log" not in str(caught.value)
    assert engine.jobs == []


def test_published_log_names_no_place_of_this_machine(site: Site) -> None:
    """build.log has what the tools wrote, and not the commands, which name directories of the build's machine."""
    log = (site.build().directory / "build.log").read_text()
    assert "this is disk-image-create" in log
    assert "this is grub-mkimage" in log
    assert COMMAND not in log
    assert str(site.cache.root) not in log


def test_output_of_tools_is_told(site: Site) -> None:
    """Each line that a tool writes is an event of its step."""
    site.build()
    told = [event for event in site.events if isinstance(event, StepOutput)]
    assert StepOutput("initramfs", "this is make-initramfs") in told
    assert StepOutput("server-bundle", "this is gzip") in told


def test_cautions(site: Site, kerrighed: Recipe) -> None:
    """A tree that nobody can log in to, a key's former name, and nodes without a boot loader are told at the start."""
    site.build()
    assert isinstance(site.events[0], Caution)
    assert "nobody can log in" in site.events[0].text
    assert isinstance(site.events[1], Notice)
    login = Login(ssh_keys=("ssh-ed25519 AAAA me",))
    boot = kerrighed.boot.model_copy(update={"variants": (Variant.SECURE_BOOT,)})
    notices = ("mine.toml:3:1: access.ports is called ports now",)
    site.build(kerrighed.model_copy(update={"login": login, "boot": boot, "notices": notices}))
    former, caution = (event for event in site.events if isinstance(event, Caution))
    assert former.text == notices[0]
    assert "BIOS" in caution.text


def test_archives_date_names_the_release(site: Site) -> None:
    """Without SOURCE_DATE_EPOCH the release has the archive's date."""
    workspace = Workspace(site.cache, RecordingEngine(pretend), site.output, lambda _event: None)
    outcome = build(site.recipe, workspace, version=None, source_date=None, refresh=False)
    assert outcome.directory.name == "2025.11.16"
