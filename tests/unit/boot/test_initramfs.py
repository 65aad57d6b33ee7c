"""The initramfs's configuration, and the job that makes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from recording_engine import IMAGE, RecordingEngine

from builder.boot import initramfs
from builder.container.engine import Job
from builder.process import OnLine
from builder.recipe.models import Initramfs, Recipe
from builder.tree.build import Tree


def settings(**changes: object) -> dict[str, str]:
    """Name and value of each setting in initramfs.conf."""
    text = initramfs.configuration(Initramfs.model_validate(changes))["initramfs.conf"]
    return dict(line.split("=", 1) for line in text.splitlines())


def test_modules_are_base_drivers_and_wanted() -> None:
    """The NFS client and raw sockets come first, then NIC drivers, then the recipe's modules, each once."""
    wanted = Initramfs(nic_drivers=("e1000", "igb"), modules=("squashfs", "igb", "nfsv3"))
    lines = initramfs.configuration(wanted)["modules"].splitlines()
    assert lines == ["nfsv3", "af_packet", "e1000", "igb", "squashfs"]


@pytest.mark.parametrize("compression", ["zstd", "gzip", "xz", "lz4"])
def test_compression_is_the_recipes(compression: str) -> None:
    """Compressor and level are those of the recipe."""
    found = settings(compression=compression, compression_level=4)
    assert (found["COMPRESS"], found["COMPRESSLEVEL"]) == (compression, "4")


def test_boots_from_nfs_with_listed_modules_only() -> None:
    """Root is on NFS, whatever server DHCP names, and no module gets in that is not listed."""
    assert settings().items() >= {"BOOT": "nfs", "NFSROOT": "auto", "MODULES": "list", "DEVICE": ""}.items()


def test_made_once() -> None:
    """update-initramfs, run by mistake, neither updates nor backs up anything."""
    text = initramfs.configuration(Initramfs())["update-initramfs.conf"]
    assert text.splitlines() == ["update_initramfs=no", "backup_initramfs=no"]


def test_job_reads_the_trees_part(tmp_path: Path, kerrighed: Recipe) -> None:
    """The job gets kernel version, configuration, the tree's part and its time; it has no network."""
    made = tmp_path / "tree"
    made.mkdir()
    (made / "vmlinuz-6.12.1-amd64").write_text("")
    directory = tmp_path / "initramfs"
    directory.mkdir()

    def act(job: Job, _on_line: OnLine) -> None:
        assert (job.inputs["/input/conf"] / "modules").read_text().startswith("nfsv3\n")

    engine = RecordingEngine(act)
    element = next(element for element in kerrighed.elements if element.name == initramfs.ELEMENT)
    initramfs.make(
        directory,
        engine=engine,
        image=IMAGE,
        tree=Tree(made),
        element=element,
        initramfs=kerrighed.initramfs,
        source_date=7,
        work=None,
        on_line=lambda _line: None,
    )
    (job,) = engine.jobs
    assert job.argv == ("/input/element/make-initramfs", "6.12.1-amd64")
    assert job.inputs["/input/tree.tar.zst"] == made / "tree.tar.zst"
    assert (job.inputs["/input/element"] / "make-initramfs").is_file()
    assert job.environment == {"SOURCE_DATE_EPOCH": "7"}
    assert not job.network
