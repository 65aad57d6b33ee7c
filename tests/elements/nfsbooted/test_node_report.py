"""A node reports what it runs, to a real nginx or into a directory of the server, and bears one that is away."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from node import CONF, NETWORK, Node

from builder.site.reports import LARGEST, MOST_FAILED, Report, parse

pytestmark = pytest.mark.container
REPORT = "/usr/lib/nfsbooted/report"
RELEASE = "# Made by nfsroot\nNAME=kerrighed\nVERSION=2026.11.27~1\nRECIPE='kerrighed'\n"
SYSTEMCTL = """#!/bin/sh
case $* in
    'is-system-running --wait') echo "$(cat /etc/state)"; [ "$(cat /etc/state)" = running ] ;;
    'list-units --failed --plain --no-legend --full') cat /etc/failed ;;
    'show --property=ActiveEnterTimestampMonotonic --value boot-complete.target') echo 12345678 ;;
    *) exit 1 ;;
esac
"""
NGINX = """
user root;
daemon on;
error_log stderr;
pid /tmp/nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path /tmp/body;
    server {
        listen 127.0.0.1:80;
        location = /report {
            root /tmp/reports;
            rewrite ^ /$remote_addr break;
            client_max_body_size 4k;
            dav_methods PUT;
        }
    }
}
"""
"""As the bundle's settings have it (tests/integration/server); here the node and its server are one machine."""


@pytest.fixture
def reporting(node: Node) -> Node:
    """A node whose boot is complete."""
    node.write("etc/nfsroot-release", RELEASE)
    node.write("usr/sbin/systemctl", SYSTEMCTL)
    node.write("etc/state", "running")
    node.write("etc/failed", "")
    (node.tree / "tmp").mkdir()
    program = node.tree / "usr/lib/nfsbooted/report"
    program.write_text(program.read_text().replace("SECONDS_BETWEEN_TRIES=5", "SECONDS_BETWEEN_TRIES=0.5"))
    return node


def configure(node: Node, *lines: str) -> None:
    """Say in the node's settings where it reports."""
    node.write("etc/nfsbooted/nfsbooted.conf", CONF + "".join(f"{line}\n" for line in lines))


def over_nfs(node: Node) -> Path:
    """Have the node report into a directory that is mounted as the server's would be; return it."""
    configure(node, "REPORT=/export", "REPORT_OPTIONS=bind")
    return node.tree / "export"


def read(file: Path) -> Report:
    """The report in a file, as the site reads it."""
    return parse(file.read_bytes(), "ssi1", 0, "nfs")


def test_the_report_says_what_the_node_runs(reporting: Node) -> None:
    """Its file has the node's name, and the site reads in it all that it should say."""
    directory = over_nfs(reporting)
    boot_id = reporting.says(f"{REPORT}; cat /proc/sys/kernel/random/boot_id").strip()
    report = read(directory / "ssi1")
    assert (report.node, report.release, report.version) == ("ssi1", "kerrighed", "2026.11.27~1")
    assert (report.boot_id, report.state, report.seconds, report.failed) == (boot_id, "running", 12.34, ())
    assert report.time > 1_700_000_000
    assert report.uptime is not None
    assert report.uptime > 0
    assert [file.name for file in directory.iterdir() if file.is_file()] == ["ssi1"]


def test_a_later_report_takes_the_place_of_the_one_before(reporting: Node) -> None:
    """The file is another one, put there at once: who reads has one or the other."""
    directory = over_nfs(reporting)
    said = reporting.says(
        f"{REPORT}; stat -c %i /export/ssi1; echo degraded > /run/state; {REPORT}; stat -c %i /export/ssi1"
    )
    assert len(set(said.split())) == 2
    assert read(directory / "ssi1").state == "running"


def test_failed_units_are_named(reporting: Node) -> None:
    """A degraded node names its failed units, backslashes included."""
    directory = over_nfs(reporting)
    reporting.write("etc/state", "degraded")
    reporting.write("etc/failed", "ssh.service loaded failed failed OpenBSD\ndev-a\\x2db.swap loaded failed failed x\n")
    reporting.says(REPORT)
    report = read(directory / "ssi1")
    assert (report.state, report.failed) == ("degraded", ("ssh.service", r"dev-a\x2db.swap"))


@pytest.mark.parametrize("unit", ["u.mount", f"{'x' * 240}.service", f"{chr(92) * 240}.service"])
def test_a_report_stays_small(reporting: Node, unit: str) -> None:
    """However many units failed, with the longest names: nginx and the site take the report."""
    directory = over_nfs(reporting)
    reporting.write("etc/failed", "".join(f"{unit} loaded failed failed x\n" for _ in range(1000)))
    reporting.says(REPORT)
    assert (directory / "ssi1").stat().st_size <= LARGEST
    assert 0 < len(read(directory / "ssi1").failed) <= MOST_FAILED


@pytest.mark.parametrize("word", ["", "starting"])
def test_a_node_that_never_gets_idle_is_starting(reporting: Node, word: str) -> None:
    """When systemd has jobs that do not end, the report says so instead of waiting for them."""
    directory = over_nfs(reporting)
    reporting.write("etc/state", word)
    reporting.says(REPORT)
    assert read(directory / "ssi1").state == "starting"


def test_the_boot_is_complete_before_the_server_is_asked(reporting: Node) -> None:
    """What watches a boot on trial is told, even when no report arrives."""
    configure(reporting, "REPORT=/nowhere", "REPORT_OPTIONS=bind")
    done = reporting.boot(f"{REPORT}; echo $?; ls /run/nfsbooted/complete")
    assert done.stdout.split() == ["1", "/run/nfsbooted/complete"]
    assert "no report: /nowhere cannot be mounted" in done.stderr


def test_without_a_place_there_is_no_report(reporting: Node) -> None:
    """A node that is told of none reports nowhere, and finds nothing wrong with that."""
    configure(reporting)
    assert reporting.says(f"{REPORT}; ls /run/nfsbooted/complete").strip() == "/run/nfsbooted/complete"


def test_a_directory_that_takes_no_file_is_said(reporting: Node) -> None:
    """A server that exports read-only, or whose disk is full, ends in a sentence."""
    configure(reporting, "REPORT=/export", "REPORT_OPTIONS=bind,ro")
    done = reporting.boot(f"mount -o remount,bind,ro /export; {REPORT}")
    assert (done.returncode, "no report: /export takes no file" in done.stderr) == (1, True)


def test_a_server_that_comes_back_gets_the_report(reporting: Node) -> None:
    """The node tries again, before it gives up."""
    configure(reporting, "REPORT=/run/later", "REPORT_OPTIONS=bind")
    said = reporting.says(f"(sleep 0.7; mkdir /run/later) & {REPORT} && cat /run/later/ssi1")
    assert json.loads(said)["node"] == "ssi1"


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx takes the report")
def test_over_http_the_report_lies_under_the_nodes_address(reporting: Node, tmp_path: Path) -> None:
    """Nginx writes what the node sends, once new and once over it, into a file called by the node's address."""
    nginx(reporting, tmp_path)
    configure(reporting, "REPORT=http://127.0.0.1/report")
    reporting.says(f"{REPORT} && {REPORT}; status=$?; kill $(cat /tmp/nginx.pid); exit $status")
    assert json.loads((tmp_path / "reports/127.0.0.1").read_text())["node"] == "ssi1"
    assert read(tmp_path / "reports/127.0.0.1").release == "kerrighed"


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx refuses the report")
@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("http://127.0.0.1/elsewhere", "http://127.0.0.1/elsewhere answers 40"),
        ("http://127.0.0.1:81/report", "127.0.0.1:81 cannot be reached"),
        ("http://192.168.0.250/report", "192.168.0.250 cannot be reached"),
    ],
    ids=["a server that takes no reports", "a server that is down", "a server that is away"],
)
def test_a_server_without_an_ear_is_borne(reporting: Node, tmp_path: Path, place: str, why: str) -> None:
    """The node says why it did not report, soon."""
    nginx(reporting, tmp_path)
    configure(reporting, f"REPORT={place}")
    done = reporting.boot(f"timeout 20 {REPORT}; status=$?; kill $(cat /tmp/nginx.pid); exit $status")
    assert (done.returncode, f"no report: {why}" in done.stderr) == (1, True), done.stderr


def nginx(node: Node, directory: Path) -> None:
    """Have nginx take reports on the node's own network, with its files in `directory`."""
    (directory / "nginx.conf").write_text(NGINX.replace("/tmp", str(directory)))
    (directory / "reports").mkdir(mode=0o777)
    (directory / "reports").chmod(0o777)
    # In mounts of its own it keeps its files wherever they are: the node mounts another /dev later.
    start = f"unshare --mount nginx -p {directory} -c {directory}/nginx.conf"
    node.network = f"{NETWORK}ip link set lo up\n{start}\n"
    node.spoil = f"touch $tree/tmp/nginx.pid; mount --bind {directory}/nginx.pid $tree/tmp/nginx.pid"


UNITS = Path(__file__).parents[3] / "elements/nfsbooted/nfsbooted-package/usr/lib/systemd/system"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd reads its units")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """No line of the units is unknown to systemd, and their order has no cycle."""
    for name in ("nfsbooted-report.service", "nfsbooted-report.timer", "nfsbooted-trial.service"):
        text = (UNITS / name).read_text().replace("/usr/lib/nfsbooted/trial", "/bin/true")
        (tmp_path / name).write_text(text)
    shutil.copytree(UNITS / "boot-complete.target.d", tmp_path / "boot-complete.target.d")
    for wish in ("multi-user.target/nfsbooted-report.service", "sysinit.target/nfsbooted-trial.service"):
        target, unit = wish.split("/")
        (tmp_path / f"{target}.wants").mkdir()
        (tmp_path / f"{target}.wants" / unit).symlink_to(tmp_path / unit)
    environment: dict[str, Any] = {"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "multi-user.target", *map(str, tmp_path.glob("*.*r"))],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if "nfsbooted" in line or "cycle" in line]
    assert said == []
