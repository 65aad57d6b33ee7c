from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab_report import node as node_report
from lab_subject import manifest

from builder.cache import Cache
from builder.errors import InputError, NfsrootError
from builder.lab import host, run
from builder.lab.events import LabEvent
from builder.lab.qemu import Firmware
from builder.lab.release import Release, read
from builder.recipe.models import DhcpServer, NfsServer, Recipe, TftpServer, Variant
from builder.release.manifest import FILE, SUMS, Lab, Manifest


def release_of(recipe: Recipe, directory: Path) -> Release:
    """A release of the recipe with nothing in it but its manifest."""
    (directory / FILE).write_text(manifest(recipe).text())
    (directory / SUMS).write_text(f"{'0' * 64}  {FILE}\n")
    return read(directory)


def test_first_node_is_the_default(kerrighed: Recipe, tmp_path: Path) -> None:
    """Without names the first node of the cluster is tried, else those that are named, in their order."""
    release = release_of(kerrighed, tmp_path)
    assert [node.name for node in run.request(release, [], Firmware.BIOS).nodes] == ["ssi1"]
    assert [node.name for node in run.request(release, ["ssi3", "ssi1"], Firmware.UEFI).nodes] == ["ssi3", "ssi1"]


def test_servers_are_the_clusters_unless_others_are_named(kerrighed: Recipe, tmp_path: Path) -> None:
    """DHCP and TFTP are served by what the cluster names, or by what is asked for; NFS by ganesha."""
    server = kerrighed.cluster.server.model_copy(update={"dhcp": DhcpServer.KEA})
    cluster = kerrighed.cluster.model_copy(update={"server": server})
    release = release_of(kerrighed.model_copy(update={"cluster": cluster}), tmp_path)
    own = run.request(release, [], Firmware.BIOS).server
    assert (own.dhcp, own.tftp, own.nfs) == (DhcpServer.KEA, TftpServer.TFTPD_HPA, NfsServer.GANESHA)
    other = run.request(release, [], Firmware.BIOS, DhcpServer.ISC, TftpServer.DNSMASQ).server
    assert (other.dhcp, other.tftp, other.nfs) == (DhcpServer.ISC, TftpServer.DNSMASQ, NfsServer.GANESHA)


def test_unknown_node(kerrighed: Recipe, tmp_path: Path) -> None:
    """A node that the cluster does not have is told with those that it has."""
    with pytest.raises(InputError, match=r"no node ssi9\nIts nodes are ssi1, ssi2, ssi3, ssi4"):
        run.request(release_of(kerrighed, tmp_path), ["ssi1", "ssi9"], Firmware.BIOS)


@pytest.mark.parametrize(
    ("variants", "uefi", "bootable"),
    [
        ({Variant.I386_PC}, Variant.SECURE_BOOT, {Firmware.BIOS}),
        ({Variant.X86_64_EFI}, Variant.X86_64_EFI, {Firmware.UEFI}),
        (set(Variant), Variant.X86_64_EFI, {Firmware.BIOS, Firmware.UEFI}),
        (set(Variant), Variant.SECURE_BOOT, set(Firmware)),
    ],
)
def test_firmware_without_a_loader(
    kerrighed: Recipe, tmp_path: Path, variants: set[Variant], uefi: Variant, bootable: set[Firmware]
) -> None:
    """A firmware to which the release gives no boot loader, or only one that it would refuse, is told at once."""
    boot = kerrighed.boot.model_copy(update={"variants": tuple(sorted(variants)), "uefi": uefi})
    release = release_of(kerrighed.model_copy(update={"boot": boot}), tmp_path)
    for firmware in Firmware:
        if firmware in bootable:
            run.request(release, [], firmware)
        else:
            with pytest.raises(InputError, match=f"firmware {firmware} no boot loader"):
                run.request(release, [], firmware)


def test_a_rack_that_cannot_be_made_is_a_failed_lab(
    kerrighed: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle that cannot be installed fails the release: report, page and manifest say so."""

    @contextmanager
    def no_rack(*_of: object) -> Iterator[None]:
        raise NfsrootError("install.sh failed", details="dhcpd rejects dhcpd.conf")
        yield

    monkeypatch.setattr(run, "rack", no_rack)
    release, events = release_of(kerrighed, tmp_path), list[LabEvent]()
    report = run.run(release, run.request(release, [], Firmware.BIOS), Cache(tmp_path / "cache"), events.append)
    assert (report.verdict, report.nodes, events) == (Lab.FAILED, (), [])
    assert report.problem == "install.sh failed\ndhcpd rejects dhcpd.conf"
    assert json.loads((tmp_path / "lab.json").read_text())["problem"] == report.problem
    assert "dhcpd rejects dhcpd.conf" in (tmp_path / "lab.html").read_text()
    assert Manifest.read(tmp_path).lab is Lab.FAILED


def test_a_lab_that_cannot_run_here_is_no_verdict(
    kerrighed: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with this machine says nothing about the release, which stays as it was."""

    @contextmanager
    def no_root(*_of: object) -> Iterator[None]:
        raise InputError("only root may do that")
        yield

    monkeypatch.setattr(run, "rack", no_root)
    release = release_of(kerrighed, tmp_path)
    with pytest.raises(InputError):
        run.run(release, run.request(release, [], Firmware.BIOS), Cache(tmp_path / "cache"), lambda _: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == [SUMS, FILE]
    assert Manifest.read(tmp_path).lab is Lab.NONE


@pytest.mark.parametrize(
    ("problem", "passed", "verdict"),
    [
        (None, [True, True], Lab.PASSED),
        (None, [True, False], Lab.FAILED),
        (None, [], Lab.FAILED),
        ("the capture ended", [True], Lab.FAILED),
    ],
)
def test_verdict(problem: str | None, passed: list[bool], verdict: Lab) -> None:
    """Only nodes that all passed, and at least one of them, make a release pass."""
    assert run._verdict(problem, [node_report(passed=each) for each in passed]) is verdict


def test_what_the_lab_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every package that is missing is named, with the command that installs them all."""
    monkeypatch.setattr(host.os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda command, **_path: None if command in ("zstd", "ip") else command)
    with pytest.raises(InputError, match="lacks iproute2, zstd\napt-get install --no-install-recommends iproute2 zstd"):
        host.need(Firmware.BIOS)
    monkeypatch.setattr(host.os, "geteuid", lambda: 1000)
    with pytest.raises(InputError, match="only root may do"):
        host.need(Firmware.BIOS)


def test_uefi_needs_its_firmware(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without OVMF's files a node with UEFI cannot be powered on, one with a BIOS can."""
    monkeypatch.setattr(host, "_are_there", lambda *_files: False)
    monkeypatch.setattr(shutil, "which", lambda command, **_path: command)
    assert host.missing_packages(Firmware.UEFI) == host.missing_packages(Firmware.SECURE_BOOT) == ["ovmf"]
    assert host.missing_packages(Firmware.BIOS) == []
