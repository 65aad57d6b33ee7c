"""The lab catches a release with a mistake in it, and says at which phase or check: real racks, few boots."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from mistakes import spoilt, started, substitute, tried

from builder.cache import Cache
from builder.errors import NfsrootError
from builder.lab.cases.node_run import NodeRun
from builder.lab.released.release import Release
from builder.lab.vocabulary.phase import Phase

pytestmark = pytest.mark.boot

ReleaseToBoot = Callable[[str], Release]
IMPATIENT = 0.25
"""A quarter of each limit is enough for a BIOS node of a rack that does nothing else."""

FORCED = "  option dhcp-parameter-request-list = concat(option dhcp-parameter-request-list, 96);\n"
WITHOUT_NFSMOUNT = """\
mkdir -p later/usr/bin
cd later
printf '#!/bin/sh\\nexit 1\\n' >usr/bin/nfsmount
chmod 755 usr/bin/nfsmount
find usr | cpio --quiet -o -H newc | zstd -q >>"$1"
"""
"""An archive behind an initramfs, whose files take the place of those before (buffer-format.rst in Linux)."""
MACHINE_ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def kerrighed(release_to_boot: ReleaseToBoot) -> Release:
    """A release without a mistake."""
    return release_to_boot("kerrighed")


def stopped(run: NodeRun) -> Phase | None:
    """The phase in which a node's boot ended."""
    return run.stopped.phase if run.stopped else None


def test_dhcp_without_next_server_and_with_a_wrong_mac(kerrighed: Release, tmp_path: Path, cache: Cache) -> None:
    """A node that is told no TFTP server hangs in phase loader; one whose MAC address DHCP does not know, in DHCP."""

    def spoil(bundle: Path) -> None:
        dhcpd = bundle / "etc/dhcp/dhcpd.conf"
        substitute(dhcpd, f"  next-server {kerrighed.recipe.cluster.server.address};\n", "")
        substitute(dhcpd, kerrighed.recipe.cluster.nodes[1].mac, "52:54:00:00:77:77")

    with started(spoilt(kerrighed, tmp_path, spoil), tmp_path / "rack", cache) as running:
        runs = tried(running, ["ssi1", "ssi2"], IMPATIENT)
    assert {name: stopped(run) for name, run in runs.items()} == {"ssi1": Phase.LOADER, "ssi2": Phase.DHCP}
    assert not any(run.passed for run in runs.values())


def test_wrong_export_path(kerrighed: Release, tmp_path: Path, cache: Cache) -> None:
    """An export of a directory that is not there is told before a node is powered on."""

    def spoil(bundle: Path) -> None:
        (exports,) = (bundle / "etc/ganesha/exports.d").glob("kerrighed-*.conf")
        substitute(exports, kerrighed.manifest.server_directory, "/NFSROOT/kerrighed/elsewhere")

    spoilt_release = spoilt(kerrighed, tmp_path, spoil)
    with pytest.raises(NfsrootError, match="refuses an export"), started(spoilt_release, tmp_path / "rack", cache):
        pass


def test_modules_of_another_kernel(kerrighed: Release, tmp_path: Path, cache: Cache) -> None:
    """A tree whose modules are of another version than the kernel is told before a node is powered on."""
    other = replace(kerrighed, manifest=kerrighed.manifest.model_copy(update={"kernel_version": "6.99-amd64"}))
    with pytest.raises(NfsrootError, match=r"no modules .* 6\.99-amd64"), started(other, tmp_path / "rack", cache):
        pass


def test_initramfs_without_nfs(kerrighed: Release, tmp_path: Path, cache: Cache) -> None:
    """A node whose initramfs cannot mount NFS gets an address and then hangs in phase initramfs."""

    def spoil(bundle: Path) -> None:
        (initrd,) = (bundle / "srv/tftp").glob("kerrighed/*/initrd.img-*")
        subprocess.run(["sh", "-euc", WITHOUT_NFSMOUNT, "sh", str(initrd)], cwd=tmp_path, check=True)

    with started(spoilt(kerrighed, tmp_path, spoil), tmp_path / "rack", cache) as running:
        (run,) = tried(running, ["ssi1"], IMPATIENT).values()
    assert stopped(run) is Phase.INITRAMFS


@pytest.mark.full  # two whole boots; unit tests try each check with what a wrong node answers
def test_nodes_that_run_although_they_are_wrong(kerrighed: Release, tmp_path: Path, cache: Cache) -> None:
    """Each of these mistakes fails its own check, of nodes that boot all the same.

    Option 150 is not forced; ssi1's menu has another release's kernel; the tree has a host name and a machine-id.
    """
    version, kernel = kerrighed.manifest.version, kerrighed.manifest.kernel_version

    def spoil(bundle: Path) -> None:
        substitute(bundle / "etc/dhcp/dhcpd.conf", FORCED, "")
        substitute(bundle / "srv/tftp/grub/ssi1", f"/kerrighed/{version}/vmlinuz", "/kerrighed/old/vmlinuz")
        old = bundle / "srv/tftp/kerrighed/old"
        old.mkdir()
        (old / f"vmlinuz-{kernel}").hardlink_to(bundle / f"srv/tftp/kerrighed/{version}/vmlinuz-{kernel}")

    with started(spoilt(kerrighed, tmp_path, spoil), tmp_path / "rack", cache) as running:
        tree = kerrighed.manifest.server_directory
        running.run_on_server(["sh", "-c", f"echo build-host >{tree}/etc/hostname"])
        running.run_on_server(["sh", "-c", f"echo {MACHINE_ID} >{tree}/etc/machine-id"])
        running.run_on_server(["sed", "-i", "/set_machine_id$/d", f"{tree}/usr/lib/nfsbooted/prepare-node"])
        runs = tried(running, ["ssi1", "ssi2"], 1.0)
    wrong = {name: {r.name: r.reason for r in run.results if not r.passed} for name, run in runs.items()}
    assert [run.stopped for run in runs.values()] == [None, None]
    for name, other in (("ssi1", "ssi2"), ("ssi2", "ssi1")):
        assert "names no menu" in wrong[name]["menu"]
        assert wrong[name]["host name"] == f"'build-host', not '{name}'"
        assert f"{MACHINE_ID} also belongs to {other}" in wrong[name]["unique identity"]
    assert f"did not load /kerrighed/{version}/vmlinuz-{kernel}" in wrong["ssi1"]["kernel"]
    assert "kernel" not in wrong["ssi2"]
