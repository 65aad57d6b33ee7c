"""The initramfs's configuration, and the job that makes it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from recording_engine import RecordingEngine
from step_contexts import context_of

from builder.boot import initramfs
from builder.boot.initramfs import INITRAMFS
from builder.container.engine import Job
from builder.process import OnLine
from builder.recipe.choices import ImageFormat, RootKind, RootTransport
from builder.recipe.models import Initramfs, Recipe, Root
from builder.tree.elements import MAKER

ROOT = Root(path="/NFSROOT/base")
ELEMENT = Path(__file__).parents[3] / "elements" / MAKER


def settings(**changes: object) -> dict[str, str]:
    """Name and value of each setting in initramfs.conf."""
    text = initramfs.configuration(Initramfs.model_validate(changes), ROOT)["initramfs.conf"]
    return dict(line.split("=", 1) for line in text.splitlines())


def test_modules_are_base_and_wanted() -> None:
    """The NFS client and raw sockets come first, then the recipe's modules, each once, and no driver of a NIC."""
    wanted = Initramfs(nic_drivers=("e1000", "igb"), modules=("squashfs", "igb", "nfsv3"))
    lines = initramfs.configuration(wanted, ROOT)["modules"].splitlines()
    assert lines == ["nfsv3", "af_packet", "squashfs", "igb"]


@pytest.mark.parametrize("compression", ["zstd", "gzip", "xz", "lz4"])
def test_compression_is_the_recipes(compression: str) -> None:
    """Compressor and level are those of the recipe."""
    found = settings(compression=compression, compression_level=4)
    assert (found["COMPRESS"], found["COMPRESSLEVEL"]) == (compression, "4")


def test_boots_from_nfs_with_listed_modules_only() -> None:
    """Root is on NFS, whatever server DHCP names, and no module gets in that is not listed."""
    assert initramfs.configuration(Initramfs(), ROOT)["parts"] == ""
    assert settings().items() >= {"BOOT": "nfs", "NFSROOT": "auto", "MODULES": "list", "DEVICE": ""}.items()


def test_nfs_version_4_has_its_own_boot_script() -> None:
    """NFSv4 has its client, and a part of the element with a boot script of its name, which mounts the root."""
    files = initramfs.configuration(Initramfs(), Root(path="/NFSROOT/base", nfs_version=4))
    assert files["modules"].splitlines()[0] == "nfsv4"
    assert "BOOT=nfs4\n" in files["initramfs.conf"]
    assert files["parts"] == "nfs4\n"
    assert (ELEMENT / "nfs4/scripts/nfs4").is_file()
    assert (ELEMENT / "nfs4/hooks/nfs4").stat().st_mode & 0o111


@pytest.mark.parametrize("nfs_version", [3, 4])
def test_image_has_its_own_boot_script(nfs_version: int) -> None:
    """An image needs loop devices, its own file system and overlays; its boot script mounts by either NFS version."""
    root = Root(path="/NFSROOT/base", kind=RootKind.IMAGE, format=ImageFormat.EROFS, nfs_version=nfs_version)
    files = initramfs.configuration(Initramfs(), root)
    assert {f"nfsv{nfs_version}", "loop", "erofs", "overlay"} < set(files["modules"].split())
    assert "BOOT=image\n" in files["initramfs.conf"]
    assert files["parts"].split() == {3: ["image"], 4: ["nfs4", "image"]}[nfs_version]
    assert (ELEMENT / "image/scripts/image").is_file()


def test_image_over_http_needs_no_nfs() -> None:
    """An initramfs that fetches its root has no NFS client."""
    root = Root(path="/NFSROOT/base", kind=RootKind.IMAGE, transport=RootTransport.HTTP)
    files = initramfs.configuration(Initramfs(), root)
    assert not [module for module in files["modules"].split() if module.startswith("nfs")]
    assert files["parts"].split() == ["image"]


def test_nfsmount_gives_mount_nfs_its_arguments_in_order(tmp_path: Path) -> None:
    """The boot script of NFSv4 calls mount.nfs(8) with what klibc's nfsmount is given: the options last, as one."""
    (tmp_path / "mount.nfs").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "mount.nfs").chmod(0o755)
    script = f". {ELEMENT / 'nfs4/scripts/nfs4'}; nfsmount -o nolock -o ro -o v4,tcp 192.0.2.1:/x /root"
    done = subprocess.run(
        ["sh", "-euc", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert done.stdout.split() == ["192.0.2.1:/x", "/root", "-n", "-o", "nolock,ro,v4,tcp"]


def test_made_once() -> None:
    """update-initramfs, run by mistake, neither updates nor backs up anything."""
    text = initramfs.configuration(Initramfs(), ROOT)["update-initramfs.conf"]
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
    INITRAMFS.make(context_of(kerrighed, engine, tmp_path, source_date=7, objects={"tree": made}), directory)
    (job,) = engine.jobs
    assert job.argv == ("/input/element/make-initramfs", "6.12.1-amd64", "/output")
    assert job.inputs["/input/tree.tar.zst"] == made / "tree.tar.zst"
    assert (job.inputs["/input/element"] / "make-initramfs").is_file()
    assert job.environment == {"SOURCE_DATE_EPOCH": "7"}
    assert not job.network
