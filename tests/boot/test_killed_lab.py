"""A lab that is killed leaves nothing behind once the next one has run, and no lab touches what it did not start."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mistakes import spoilt, substitute
from traces import Traces, adopt_orphans

from builder.cache import Cache
from builder.lab.released.release import Release

pytestmark = pytest.mark.boot

NFSROOT = Path(sys.executable).with_name("nfsroot")
SECONDS = 300.0
BYSTANDERS = ("qemu-system-x86_64", "dhcpd", "bwrap")
"""Names of programs of the lab that somebody else runs too."""


@pytest.fixture
def bystanders(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that only their names have in common with those of a lab."""
    started = []
    for name in BYSTANDERS:
        shutil.copy("/usr/bin/sleep", tmp_path / name)
        started.append(subprocess.Popen([tmp_path / name, "3600"]))
    yield started
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def wrong(release_to_boot: Callable[[str], Release], tmp_path: Path) -> Release:
    """A release for which there can be no rack: its lab is over within seconds."""
    kerrighed = release_to_boot("kerrighed")

    def spoil(bundle: Path) -> None:
        (exports,) = (bundle / "etc/ganesha/exports.d").glob("kerrighed-*.conf")
        substitute(exports, kerrighed.manifest.server_directory, "/NFSROOT/kerrighed/elsewhere")

    return spoilt(kerrighed, tmp_path / "wrong", spoil)


def family(pid: int) -> set[str]:
    """A process and all that descend from it, each as `PID START` (proc_pid_stat(5)), so that no PID is mistaken."""
    parents, found = {}, {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":  # What has ended waits only for its parent to hear of it.
            number = int(file.parent.name)
            parents[number], found[number] = int(fields[1]), f"{number} {fields[19]}"
    members = {pid}
    while more := {child for child, parent in parents.items() if parent in members} - members:
        members |= more
    return {found[member] for member in members if member in found}


def everybody() -> set[str]:
    """Every process of this machine, as `family` calls it."""
    return family(1) | family(2)


def interfaces() -> list[str]:
    """The network interfaces of this machine."""
    return sorted(path.name for path in Path("/sys/class/net").iterdir())


def lab(cache: Cache, *releases: Release) -> subprocess.Popen[str]:
    """`nfsroot lab` as a person runs it, whose events are lines of its standard error."""
    return subprocess.Popen(
        [NFSROOT, "lab", *(release.directory for release in releases), "--cache-dir", cache.root],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_at(process: subprocess.Popen[str], line: str, count: int) -> set[str]:
    """Kill a lab when it has said `line` for the `count`th time; all processes that it had."""
    assert process.stderr is not None
    said = []
    for each in process.stderr:
        said.append(each)
        count -= line in each
        if count == 0:
            break
    time.sleep(0.5)
    members = family(process.pid)
    process.kill()
    process.wait()
    process.stderr.close()
    assert count == 0, "".join(said)
    return members


@pytest.mark.full  # six labs; test_namespace.py kills what makes a lab's machine in each run
def test_killed_at_any_point(
    release_to_boot: Callable[[str], Release],
    wrong: Release,
    tmp_path: Path,
    bystanders: list[subprocess.Popen[bytes]],
) -> None:
    """Whenever it is killed, its processes end with it; the next lab removes its directory, and nothing else's."""
    adopt_orphans()
    good = release_to_boot("debian-nfsroot")
    cache = Cache(tmp_path / "cache")
    before, links = Traces.now(tmp_path), interfaces()
    moments = {
        "the rack's machine is made": ([good], ": firmware", 1),
        "the servers run": ([good], "servers up", 1),
        "a node boots": ([good], "s  GRUB", 1),
        "checks run": ([good], "passed  system", 1),
        "another cell begins": ([wrong, good], ": firmware", 2),
    }
    for moment, (releases, line, count) in moments.items():
        process = lab(cache, *releases)
        members = killed_at(process, line, count)
        assert len(members) > 1, moment
        before.assert_unchanged(tmp_path)
        assert not members & everybody(), moment
        assert interfaces() == links, moment
        assert len(list((cache.root / "unfinished").glob("lab.*"))) == 1, moment
    assert lab(cache, wrong).wait(SECONDS) == 1
    assert list((cache.root / "unfinished").glob("lab.*")) == []
    assert [process.poll() for process in bystanders] == [None] * len(BYSTANDERS)
