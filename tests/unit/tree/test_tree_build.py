"""The job that makes a tree, and what its failures say."""

from __future__ import annotations

from pathlib import Path

import pytest
from recording_engine import RecordingEngine
from step_contexts import context_of

from builder.boot.initramfs import INITRAMFS
from builder.boot.nic_drivers import NIC_DRIVERS
from builder.container.engine import Job
from builder.context import CachedStep
from builder.debian.archive import Archive
from builder.errors import NfsrootError
from builder.process import CommandError, OnLine
from builder.recipe.models import Recipe
from builder.tree import build as trees
from builder.tree.build import TREE, Tree
from builder.tree.owned_paths import OWNED_PATHS

RUNNING = "dib-run-parts Running /scratch/dib_build.x/hooks/{phase}.d/{script}"


def make(
    tmp_path: Path, engine: RecordingEngine, recipe: Recipe, archive: Archive, beside: tuple[CachedStep, ...] = ()
) -> Path:
    """Make a tree with what an engine does; gives the tree's directory."""
    directory = tmp_path / "tree"
    directory.mkdir()
    context = context_of(recipe, engine, tmp_path, archive=archive, objects={"base": tmp_path / "base"}, beside=beside)
    TREE.make(context, directory)
    return directory


def disk_image_create(job: Job, _on_line: OnLine) -> None:
    """Leave one downloaded package, as the bootstrap does, after a look at the paths that the overlay owns."""
    assert job.inputs["/input/owned-paths"].read_text().splitlines() == sorted(OWNED_PATHS)
    (job.output / "packages").mkdir()
    (job.output / "packages/vim_1_amd64.deb").write_text("deb")


def test_job_names_every_element(tmp_path: Path, kerrighed: Recipe, archive: Archive) -> None:
    """The elements are given in order and bound read-only, with the package lists; the bootstrap has network."""
    engine = RecordingEngine(disk_image_create)
    make(tmp_path, engine, kerrighed, archive)
    (job,) = engine.jobs
    names = [element.name for element in kerrighed.elements]
    assert job.argv[0] == "disk-image-create"
    assert list(job.argv[-len(names) :]) == names
    assert {f"/input/elements/{name}" for name in names} <= set(job.inputs)
    assert job.inputs["/input/lists"] == archive.lists
    assert job.network


def test_job_is_told_what_to_make_beside_the_tree(tmp_path: Path, kerrighed: Recipe, archive: Archive) -> None:
    """The job has the configuration of what is made of the tree while it is packed."""
    told: dict[str, str] = {}

    def act(job: Job, _on_line: OnLine) -> None:
        conf = job.inputs["/input/conf"]
        told.update({str(path.relative_to(conf)): path.read_text() for path in conf.rglob("*") if path.is_file()})

    directory = make(tmp_path, RecordingEngine(act), kerrighed, archive, (INITRAMFS, NIC_DRIVERS))
    assert told == {**INITRAMFS.configuration(kerrighed), **NIC_DRIVERS.configuration(kerrighed)}
    assert {path.name for path in directory.iterdir()} == {"initramfs", "nic-drivers"}


def test_job_makes_nothing_beside_the_tree(tmp_path: Path, kerrighed: Recipe, archive: Archive) -> None:
    """A tree that is made again while what is made of it is there has a configuration without files."""

    def act(job: Job, _on_line: OnLine) -> None:
        assert list(job.inputs["/input/conf"].iterdir()) == []

    assert list(make(tmp_path, RecordingEngine(act), kerrighed, archive).iterdir()) == []


def test_downloaded_packages_are_kept(tmp_path: Path, kerrighed: Recipe, archive: Archive) -> None:
    """New packages go to those downloaded before, and the tree's object holds neither them nor the job's input."""
    directory = make(tmp_path, RecordingEngine(disk_image_create), kerrighed, archive)
    assert [path.name for path in (tmp_path / "cache/packages/trixie").iterdir()] == ["vim_1_amd64.deb"]
    assert list(directory.iterdir()) == []


def test_environment_of_hooks(kerrighed: Recipe) -> None:
    """Hooks get the recipe's packages, suite and source date, and the elements' variables in a shell's form."""
    variables = {"one": {"SIZE": 3, "WANTED": True, "UNWANTED": False, "NAME": "x y"}}
    environment = trees.environment(kerrighed.model_copy(update={"variables": variables}), 1763200000)
    expected = {
        "SIZE": "3",
        "WANTED": "1",
        "UNWANTED": "0",
        "NAME": "x y",
        "SOURCE_DATE_EPOCH": "1763200000",
        "NFSROOT_PACKAGES": ",".join(kerrighed.packages),
        "DIB_RELEASE": "trixie",
        "ARCH": "amd64",
    }
    assert {name: environment[name] for name in expected} == expected


def test_variables_cannot_replace_settings(kerrighed: Recipe) -> None:
    """An element's variable that is called like one of the build's own does not replace it."""
    recipe = kerrighed.model_copy(update={"variables": {"one": {"TMPDIR": "/elsewhere"}}})
    assert trees.environment(recipe, 1)["TMPDIR"] == "/scratch"


def failure(recipe: Recipe, lines: list[str]) -> NfsrootError:
    """What a user reads after disk-image-create wrote these lines and failed."""
    watched = trees.Failure(recipe.elements)
    for line in lines:
        watched.watch(line)
    return watched.explain(CommandError("disk-image-create", ["disk-image-create"], 1, lines), recipe)


def test_failed_hook_is_named(kerrighed: Recipe) -> None:
    """A failure names the element, the phase and the script that ran last, with its last lines."""
    error = failure(
        kerrighed,
        [
            RUNNING.format(phase="root", script="10-bootstrap"),
            RUNNING.format(phase="install", script="50-kerrighed"),
            "cp: cannot stat 'x'",
        ],
    )
    assert error.brief == "element kerrighed: install.d/50-kerrighed failed"
    assert "cp: cannot stat 'x'" in error.details


def test_failure_before_the_first_hook(kerrighed: Recipe) -> None:
    """When no script ran yet, the failure is disk-image-create's own."""
    assert failure(kerrighed, ["no such element"]).brief == "disk-image-create failed with exit status 1"


def test_failed_download_is_the_mirrors(kerrighed: Recipe) -> None:
    """A hook that fails because a package is gone from the mirror is not the element's fault."""
    error = failure(kerrighed, [RUNNING.format(phase="root", script="10-bootstrap"), "E: Failed x.deb  404  Not Found"])
    assert "does not have what was asked of it" in error.brief


@pytest.mark.parametrize(
    "line",
    [
        "E: Unable to satisfy dependencies. Reached two conflicting assignments:",
        "E: Unable to correct problems, you have held broken packages.",
    ],
)
def test_packages_that_apt_cannot_install(kerrighed: Recipe, line: str) -> None:
    """Where apt finds that packages do not go together the message says so, with what apt says, and not the hook."""
    error = failure(kerrighed, [RUNNING.format(phase="root", script="10-bootstrap"), line])
    assert error.brief == "apt finds no way to install these packages together"
    assert line in error.details
    assert "[debian] packages" in error.resolution


def test_failed_job_names_its_hook(tmp_path: Path, kerrighed: Recipe, archive: Archive) -> None:
    """The lines that a job writes are watched while it runs."""

    def fail(_job: Job, on_line: OnLine) -> None:
        on_line(RUNNING.format(phase="cleanup", script="90-hygiene"))
        raise CommandError("disk-image-create", ["disk-image-create"], 2, ["gone"])

    with pytest.raises(NfsrootError, match=r"^element nfsroot: cleanup.d/90-hygiene failed"):
        make(tmp_path, RecordingEngine(fail), kerrighed, archive)


def test_kernel_of_a_tree(tmp_path: Path) -> None:
    """A tree's one kernel gives its version."""
    (tmp_path / "vmlinuz-6.12.1-amd64").write_text("")
    assert Tree(tmp_path).kernel_version == "6.12.1-amd64"


@pytest.mark.parametrize("names", [(), ("vmlinuz-6.12.1-amd64", "vmlinuz-6.12.2-amd64")])
def test_tree_without_just_one_kernel(tmp_path: Path, names: tuple[str, ...]) -> None:
    """A tree with no kernel, or with two, is refused with their names and the key to change."""
    for name in names:
        (tmp_path / name).write_text("")
    with pytest.raises(NfsrootError) as caught:
        _ = Tree(tmp_path).kernel
    assert f"the tree has {len(names)} kernels ({', '.join(names)}), not one" == caught.value.brief
    assert "[kernel] package" in caught.value.resolution
