"""`nfsroot lab` as a user meets it, up to the rack."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lab_report import STOP, cell, node, report
from rich.console import Console

from builder.cache import Cache
from builder.cli import lab_display
from builder.cli.lab import FAULTS
from builder.cli.lab_display import LiveTable, conclude, describe
from builder.lab import faults, host, run
from builder.lab.cases.case import Case
from builder.lab.cases.matrix import SERVERS
from builder.lab.events import (
    CaseBegan,
    Checked,
    Claimed,
    Done,
    Emit,
    LabEvent,
    LoaderRead,
    PhaseBegan,
    PoweredOn,
    RackReady,
    Ran,
    Rebooting,
    SceneBegan,
    Stopped,
    Struck,
)
from builder.lab.faults.model import BootFault
from builder.lab.report.report import CheckResult, LabReport
from builder.lab.vocabulary.hardware import Firmware, Nic
from builder.lab.vocabulary.phase import Phase
from builder.lab.vocabulary.server_kind import ServerKind
from builder.recipe.choices import DhcpServer, NfsServer, TftpServer
from builder.release.manifest import FILE, Manifest
from builder.sbom.make import find_sboms

Nfsroot = Callable[..., Any]
WRONG = CheckResult(name="clock", holds="it is right", passed=False, reason="it is wrong by [1 h]")
GOOD = report(cell(node()))
BAD = report(cell(node(passed=False, stopped=STOP, checks=(WRONG,))))
SERVED = (DhcpServer.ISC, TftpServer.TFTPD_HPA, NfsServer.GANESHA, ServerKind.NAMESPACE)
EVENTS: list[LabEvent] = [
    CaseBegan("kerrighed 1.0", Firmware.BIOS, Nic.VIRTIO_NET, *SERVED),
    RackReady(4.0),
    PoweredOn("ssi1"),
    Struck("ssi1", "20% of the packets [sic] are lost"),
    LoaderRead("ssi1", "/pxegrub"),
    PhaseBegan("ssi1", Phase.GRUB, 12.0),
    Rebooting("ssi1"),
    Checked("ssi1", WRONG),
    Done("ssi1", False, 90.0),
    PoweredOn("ssi2"),
    Stopped("ssi2", Phase.KERNEL, "ssi2 hung in phase kernel"),
]
OF_A_STORY: list[LabEvent] = [
    SceneBegan("boot", "The nodes are powered on."),
    Ran("nfsroot-site log", 0, 4.0, 1.5, "1\n2\n"),
    Claimed("boot", WRONG),
]


@pytest.fixture
def release(nfsroot: Nfsroot, manifest: Manifest) -> Path:
    """A release of the recipe kerrighed of which there is only the manifest."""
    directory = Path("output/kerrighed/1.0")
    directory.mkdir(parents=True)
    (directory / FILE).write_text(manifest.text())
    return directory


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nodes", "ssi9"], "the release has no node ssi9"),
        (["--nodes", "ssi[1-"], "Write names and ranges"),
        (["--shell", "ssi1"], "--shell needs a terminal"),
        (["--firmware", "coreboot"], "coreboot"),
        (["--nic", "ne2000"], "ne2000"),
        (["--dhcp", "bootpd"], "bootpd"),
        (["--fault", "earthquake"], "earthquake"),
    ],
)
def test_wrong_input(nfsroot: Nfsroot, release: Path, arguments: list[str], words: str) -> None:
    """A mistake in what is asked for is told with status 2 before anything is done."""
    ended = nfsroot("lab", str(release), *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert words in ended.err


def test_matrix_decides_by_itself(nfsroot: Nfsroot, release: Path) -> None:
    """What the matrix decides cannot be asked for beside it."""
    ended = nfsroot("lab", str(release), "--matrix", "quick", "--firmware", "bios", "--keep")
    assert ended.status == 2
    assert "--matrix cannot be combined with --firmware, --keep" in ended.err


def test_quick_matrix(nfsroot: Nfsroot, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that is named twice is tried once, in test cases that cover each firmware and each server."""
    asked: list[tuple[object, list[Case]]] = []

    def ran(of: object, wanted: list[Case], *_rest: object) -> LabReport:
        asked.append((of, wanted))
        return GOOD

    monkeypatch.setattr(host, "need", lambda _firmware: None)
    monkeypatch.setattr(run, "run", ran)
    ended = nfsroot("lab", str(release), str(release), "--matrix", "quick")
    assert ended.status == 0
    assert re.match(r"[3-9] test cases, about [1-9][0-9]* minutes without KVM\n", ended.err)
    ((_, cells),) = asked
    assert {cell.firmware for cell in cells} == {firmware for firmware in Firmware if not firmware.over_http}
    assert {(cell.server.dhcp, cell.server.tftp) for cell in cells} == set(SERVERS)
    assert max(len(cell.nodes) for cell in cells) == 4


def test_faults(nfsroot: Nfsroot, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fault that is asked for is tried, as many nodes at once as are named."""
    asked: list[Case] = []

    def ran(_of: object, wanted: list[Case], *_rest: object) -> LabReport:
        asked.extend(wanted)
        return GOOD

    monkeypatch.setattr(host, "need", lambda _firmware: None)
    monkeypatch.setattr(run, "run", ran)
    assert nfsroot("lab", str(release), "--fault", "all", "--firmware", "uefi", "--nodes", "ssi[1-4]").status == 0
    assert [fault.name for rack in asked for fault in rack.faults] == sorted(FAULTS, key=_befalls_a_boot)
    assert max(len(rack.nodes) for rack in asked) == 4
    assert {rack.firmware for rack in asked} == {Firmware.UEFI}


def _befalls_a_boot(name: str) -> bool:
    return isinstance(next(fault for fault in faults.FAULTS if fault.name == name), BootFault)


@pytest.mark.parametrize(
    ("options", "reboots"),
    [
        (["--matrix", "quick"], [True, False, False]),
        (["--matrix", "quick", "--no-reboot"], [False, False, False]),
        ([], [True]),
        (["--no-reboot"], [False]),
        (["--keep"], [False]),
        (["--keep", "--reboot"], [True]),
    ],
)
def test_first_node_is_started_anew(
    nfsroot: Nfsroot, release: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], reboots: list[bool]
) -> None:
    """One node of each release is started anew, unless somebody wants to work on it or forbids that."""
    asked: list[Case] = []

    def ran(_of: object, wanted: list[Case], *_rest: object) -> LabReport:
        asked.extend(wanted)
        return GOOD

    monkeypatch.setattr(host, "need", lambda _firmware: None)
    monkeypatch.setattr(run, "run", ran)
    assert nfsroot("lab", str(release), *options).status == 0
    assert [cell.reboot for cell in asked] == reboots


def test_key_that_opens_no_node(nfsroot: Nfsroot, release: Path) -> None:
    """A key that the release does not know is told before anything boots."""
    Path("key").write_text("no key")
    assert "key is not an ssh key" in nfsroot("lab", str(release), "--ssh-key", "key").err


def test_no_release(nfsroot: Nfsroot) -> None:
    """A directory without a release is told as such."""
    ended = nfsroot("lab", "output")
    assert ended.status == 2
    assert "output is not a release" in ended.err


def test_without_root(nfsroot: Nfsroot, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root the lab says what needs it, and leaves the release as it was."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    ended = nfsroot("lab", str(release))
    assert ended.status == 2
    assert "only root may do" in ended.err
    assert [path.name for path in release.iterdir()] == [FILE]


@pytest.mark.parametrize(("made", "status"), [(GOOD, 0), (BAD, 1)], ids=["passed", "failed"])
def test_status_is_the_verdict(
    nfsroot: Nfsroot, release: Path, monkeypatch: pytest.MonkeyPatch, made: LabReport, status: int
) -> None:
    """Only a lab that passed ends with 0; every event and the conclude are told in lines."""
    asked: list[Case] = []

    def ran(_release: object, wanted: list[Case], _cache: object, emit: Emit, _meanwhile: object) -> LabReport:
        asked.extend(wanted)
        emit(EVENTS[1])
        return made

    monkeypatch.setattr(host, "need", lambda _firmware: None)
    monkeypatch.setattr(run, "run", ran)
    ended = nfsroot("lab", str(release), "--nodes", "ssi[2-3],ssi2", "--nic", "e1000e", "--dhcp", "kea")
    assert ended.status == status
    assert [node.name for node in asked[0].nodes] == ["ssi2", "ssi3"]
    assert (asked[0].firmware, asked[0].nic, asked[0].kind) == (Firmware.BIOS, Nic.E1000E, ServerKind.NAMESPACE)
    assert (asked[0].server.dhcp, asked[0].server.tftp) == (DhcpServer.KEA, TftpServer.TFTPD_HPA)
    assert ended.err == "servers up after 4.0 s\n"
    assert ended.out.splitlines()[0] == f"Lab of kerrighed 1.0: {made.verdict} (115 s)"


def test_software_is_listed_while_nodes_boot(
    nfsroot: Nfsroot, release: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """After the lab a publisher finds the lists of the release's software in the cache."""
    cache = Cache(tmp_path / "cache")
    monkeypatch.setattr(host, "need", lambda _firmware: None)
    monkeypatch.setattr(run, "run", lambda *_: GOOD)
    assert find_sboms(release, cache) is None
    assert nfsroot("lab", str(release), "--cache-dir", str(cache.root)).status == 0
    assert find_sboms(release, cache)


def test_conclusion_says_what_is_wrong() -> None:
    """Each failed check and each node that stopped is named with its reason, and where to read more."""
    told = conclude([(Path("output/x/1"), BAD), (Path("output/x/2"), GOOD)])
    assert told == [
        "Lab of kerrighed 1.0: failed (115 s)",
        "  ssi1, firmware bios, NIC virtio-net, DHCP by isc, TFTP by tftpd-hpa, NFS by ganesha, in a namespace:",
        "  ssi1: ssi1 hung for 300 s in phase GRUB",
        "  ssi1: clock: it is wrong by [1 h]",
        "Report: output/x/1/lab.html",
        "Lab of kerrighed 1.0: passed (115 s)",
        "Report: output/x/2/lab.html",
    ]


def test_conclusion_of_a_fault_that_was_withstood() -> None:
    """Of a test case that passed nothing is wrong, also where a fault stopped the node as it was to."""
    made = report(cell(node(passed=True, stopped=STOP)))
    assert len(conclude([(Path("output/kerrighed/1.0"), made)])) == 2


def test_conclusion_tells_old_failures_apart() -> None:
    """A failure of an earlier run that nobody tried again is told with its day, so that nobody takes it for new."""
    (failed,) = BAD.cells
    before = failed.model_copy(update={"started": BAD.started - timedelta(days=1)})
    told = conclude([(Path("x"), report(before, failed))])
    assert told[1].endswith("NFS by ganesha, in a namespace (on 2026-01-30 12:00 UTC, and not tried since):")
    assert told[4].endswith("NFS by ganesha, in a namespace:")


def test_events_in_words() -> None:
    """Every event is one line that names its node."""
    lines = [describe(event) for event in EVENTS]
    assert all("\n" not in line for line in lines)
    assert [line[:4] for line in lines[2:]] == ["ssi1"] * 7 + ["ssi2"] * 2
    assert "FAILED  clock: it is wrong by [1 h]" in lines[7]


def test_events_of_a_story_in_words() -> None:
    """Scenes, commands and claims are a line each, too."""
    assert [describe(event) for event in OF_A_STORY] == [
        "== boot: The nodes are powered on.",
        "# nfsroot-site log  (1.5 s, exit status 0)",
        "FAILED  clock: it is wrong by [1 h]",
    ]


def test_live_table() -> None:
    """The table has a row for each node with firmware, loader, phase or result, seconds and checks."""
    written = io.StringIO()
    console = Console(file=written, width=120)
    shown = LiveTable(console)
    for event in EVENTS:
        shown.emit(event)
    console.print(shown.table())
    first, second = (line for line in written.getvalue().splitlines() if "bios" in line)
    tried = ["kerrighed", "1.0", "bios,", "virtio-net", "isc,", "tftpd-hpa"]
    assert first.split() == [*tried, "ssi1", "/pxegrub", "failed", "90.0", "0", "passed,", "1", "failed"]
    assert second.split()[:7] == [*tried, "ssi2"]
    assert "it is wrong by [1 h]" in written.getvalue()
    assert "ssi2 hung in phase kernel" in written.getvalue()
    assert "20% of the packets [sic] are lost" in written.getvalue()


def test_terminal_gets_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal there is a table that can be put away for something else; elsewhere there are lines."""

    @contextlib.contextmanager
    def shown_on(terminal: bool) -> Iterator[lab_display.Display]:
        monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
        with lab_display.display() as shown:
            yield shown

    with shown_on(True) as shown:
        assert isinstance(shown, LiveTable)
        with shown.paused():
            assert not shown.live.is_started
        assert shown.live.is_started
    with shown_on(False) as shown:
        assert isinstance(shown, lab_display.Lines)
