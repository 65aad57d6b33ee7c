"""How services are told and asked, with commands that a test has put on PATH."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from builder.errors import NfsrootError
from builder.site import services
from builder.site.places import Places
from builder.site.services import InitScripts, NoServices, Systemd, open_site

SS = 'UNCONN 0 0 0.0.0.0:67 0.0.0.0:* users:(("dhcpd",pid=12,fd=7),("dnsmasq",pid=9,fd=4))\nUNCONN 0 0 *:67 *:*\n'


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which commands on PATH write down how they are called; those for `bad` fail."""
    log, directory = tmp_path / "calls", tmp_path / "bin"
    directory.mkdir()
    for name in ("systemctl", "service", "exportfs", "dbus-send", "sysctl"):
        script = directory / name
        script.write_text(
            f'#!/bin/sh\necho "{name} $*" >>{log}\necho "{name} says $*"\ncase "$*" in *bad*) exit 3 ;; esac\n'
        )
        script.chmod(0o755)
    (directory / "ss").write_text(f"#!/bin/sh\ncat <<'END'\n{SS}END\n")
    (directory / "ss").chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    log.touch()
    return log


def test_systemd_is_told(calls: Path) -> None:
    """Each verb is one command of systemctl."""
    told = Systemd()
    told.restart("nginx")
    told.reload("nginx")
    told.stop("nginx")
    told.reload_units()
    assert not told.enable("nginx"), "is-enabled succeeds"
    assert told.is_active("nginx")
    assert not told.is_installed("bad")
    assert calls.read_text().splitlines() == [
        "systemctl restart nginx",
        "systemctl reload nginx",
        "systemctl disable --now nginx",
        "systemctl daemon-reload",
        "systemctl is-enabled nginx",
        "systemctl is-active --quiet nginx",
        "systemctl cat bad",
    ]


def test_a_command_that_fails_says_what_it_said(calls: Path) -> None:
    """The error has the command's own words and where to look."""
    with pytest.raises(NfsrootError, match="bad does not start") as failed:
        Systemd().restart("bad")
    assert failed.value.details == "systemctl says restart bad"
    assert failed.value.resolution == "See `journalctl -u bad`."
    assert calls.read_text() == "systemctl restart bad\n"


def test_scripts_of_init_are_told(calls: Path) -> None:
    """Without systemd service(8) is called."""
    told = InitScripts()
    told.restart("nginx")
    told.reload("nginx")
    told.stop("nginx")
    assert calls.read_text().splitlines() == ["service nginx restart", "service nginx reload", "service nginx stop"]


def test_listeners_are_those_of_ss(calls: Path) -> None:
    """Names of processes, and an empty one for a socket without any, which is the kernel's."""
    assert Systemd().listeners("udp", 67) == {"dhcpd", "dnsmasq", ""}
    assert calls.read_text() == ""


def test_exports_are_dropped_over_dbus(calls: Path) -> None:
    """Each number is a call of ganesha's RemoveExport."""
    assert Systemd().drop_exports([7, 9])
    assert [line.split()[-1] for line in calls.read_text().splitlines()] == ["uint16:7", "uint16:9"]


def test_a_daemon_that_keeps_its_output_open_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An init script's daemon inherits its standard output."""
    script = tmp_path / "service"
    script.write_text("#!/bin/sh\nsleep 20 &\necho $! >$0.pid\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    began = time.monotonic()
    InitScripts().restart("slow")
    passed = time.monotonic() - began
    import os
    import signal

    os.kill(int((tmp_path / "service.pid").read_text()), signal.SIGKILL)
    assert passed < 15


def test_below_another_root_no_service_is_touched(tmp_path: Path) -> None:
    """--root changes files alone."""
    assert isinstance(open_site(Places(tmp_path)).services, NoServices)
    assert isinstance(open_site(Places()).services, Systemd | InitScripts)


def test_threads_are_written_where_the_kernel_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an NFS server in the kernel that is an error."""
    monkeypatch.setattr(services, "THREADS", tmp_path / "threads")
    Systemd().set_threads(64)
    assert (tmp_path / "threads").read_text() == "64\n"
    monkeypatch.setattr(services, "THREADS", tmp_path / "none/threads")
    with pytest.raises(NfsrootError, match="the NFS server does not get 64 threads"):
        Systemd().set_threads(64)
