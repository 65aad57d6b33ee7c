"""Reports of nodes: a good one is read, and everything else that nodes can write is passed over with the reason."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import time
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.site.places import Places
from builder.site.reports import LARGEST, Report, ReportError, Reports, parse, read_reports

NODES = {"ssi1": IPv4Address("192.168.0.101"), "ssi2": IPv4Address("192.168.0.102")}
BOOT_ID = "0d5b6a52-9c68-4b9e-8a6c-6a1f9f1f5a01"
GOOD: dict[str, Any] = {
    "schema": 1,
    "node": "ssi1",
    "release": "kerrighed",
    "version": "2026.11.27",
    "boot_id": BOOT_ID,
    "state": "degraded",
    "seconds": 12.5,
    "failed": ["dev-sda1.swap", r"systemd-fsck@dev-disk-by\x2dlabel-x.service"],
    "time": 1_795_000_000,
}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A site that nodes report to in both ways."""
    places = Places(tmp_path)
    places.reports_over_nfs.mkdir(parents=True)
    places.reports_over_http.mkdir(parents=True)
    return places


def write(file: Path, **changes: Any) -> Path:
    """Write a report that differs from a good one."""
    file.write_text(json.dumps({**GOOD, **changes}))
    return file


def only_reason(reports: Reports) -> str:
    """Why the only file was passed over."""
    assert reports.by_node == {}
    (passed_over,) = reports.passed_over
    return passed_over.reason


def test_without_directories_there_are_no_reports(tmp_path: Path) -> None:
    """A server to which no node ever reported is no mistake."""
    assert read_reports(Places(tmp_path), NODES) == Reports()


def test_a_report_over_nfs_is_found_by_the_nodes_name(places: Places) -> None:
    """All that the node says is there, with the time at which the server got it."""
    file = write(places.reports_over_nfs / "ssi1")
    report = read_reports(places, NODES).by_node["ssi1"]
    assert report == Report(
        "ssi1",
        "kerrighed",
        "2026.11.27",
        BOOT_ID,
        "degraded",
        12.5,
        tuple(GOOD["failed"]),
        1_795_000_000,
        file.stat().st_ctime,
        "nfs",
    )


def test_a_report_over_http_is_found_by_the_nodes_address(places: Places) -> None:
    """Nginx writes it under the address from which it came."""
    write(places.reports_over_http / "192.168.0.101")
    assert read_reports(places, NODES).by_node["ssi1"].way == "http"


@pytest.mark.parametrize("later", ["nfs", "http"])
def test_of_two_reports_of_a_node_the_later_one_counts(places: Places, later: str) -> None:
    """A node that changed from one way to the other is seen as it is now, whatever times its files claim."""
    files = {"nfs": places.reports_over_nfs / "ssi1", "http": places.reports_over_http / "192.168.0.101"}
    for way in sorted(files, key=lambda way: way == later):
        time.sleep(0.02)  # longer than a tick of the clock of the file system
        write(files[way])
        os.utime(files[way], (0, 0) if way == later else (2_000_000_000, 2_000_000_000))
    assert read_reports(places, NODES).by_node["ssi1"].way == later


def test_files_of_no_node_are_not_looked_at(places: Places) -> None:
    """Nodes may fill the directory with names of their own: nobody reads them."""
    for name in ("ssi9", "..ssi1", "ssi1.part", "192.168.0.101"):
        write(places.reports_over_nfs / name)
    assert read_reports(places, NODES) == Reports()


def test_a_node_cannot_speak_for_another_under_its_own_name(places: Places) -> None:
    """The name in the report is that of the place where it lies."""
    write(places.reports_over_http / "192.168.0.102")
    assert "it is of ssi1" in only_reason(read_reports(places, NODES))


def test_a_link_is_not_followed(places: Places, tmp_path: Path) -> None:
    """A link to a good report elsewhere is none."""
    (places.reports_over_nfs / "ssi1").symlink_to(write(tmp_path / "elsewhere"))
    assert "no regular file" in only_reason(read_reports(places, NODES))


def test_fifos_directories_and_sockets_are_not_opened(places: Places) -> None:
    """What would make the reader wait, or do something, is passed over at once."""
    at = places.reports_over_nfs / "ssi1"
    os.mkfifo(at)
    assert "no regular file" in only_reason(read_reports(places, NODES))
    at.unlink()
    at.mkdir()
    assert "no regular file" in only_reason(read_reports(places, NODES))
    at.rmdir()
    with socket.socket(socket.AF_UNIX) as opened:
        handle = os.open(at.parent, os.O_RDONLY)
        opened.bind(f"/proc/self/fd/{handle}/ssi1")
        os.close(handle)
        assert "no regular file" in only_reason(read_reports(places, NODES))


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a device")
def test_a_device_is_not_opened(places: Places) -> None:
    """A device by a node's name is passed over."""
    try:
        os.mknod(places.reports_over_nfs / "ssi1", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("devices cannot be made here")
    assert "no regular file" in only_reason(read_reports(places, NODES))


def test_a_huge_file_is_not_read(places: Places) -> None:
    """Of a terabyte of zeros no more than a page is read."""
    with (places.reports_over_nfs / "ssi1").open("wb") as file:
        file.truncate(1 << 40)
    assert f"larger than {LARGEST}" in only_reason(read_reports(places, NODES))


def test_one_bad_file_keeps_no_other_node_from_being_read(places: Places) -> None:
    """A node that writes rubbish harms itself alone."""
    (places.reports_over_nfs / "ssi1").write_text("rubbish")
    write(places.reports_over_nfs / "ssi2", node="ssi2")
    reports = read_reports(places, NODES)
    assert list(reports.by_node) == ["ssi2"]
    assert [over.file.name for over in reports.passed_over] == ["ssi1"]


def test_reports_behind_a_link_are_not_read(places: Places, tmp_path: Path) -> None:
    """The directory itself is no link."""
    places.reports_over_nfs.rename(tmp_path / "elsewhere")
    write(tmp_path / "elsewhere" / "ssi1")
    places.reports_over_nfs.symlink_to(tmp_path / "elsewhere")
    assert "cannot be read" in only_reason(read_reports(places, NODES))


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"node": ["ssi1"]},
        {"release": "../../etc"},
        {"release": ""},
        {"version": "2026\n11"},
        {"version": "v" * 200},
        {"boot_id": BOOT_ID.upper()},
        {"state": "fine"},
        {"state": ["running"]},
        {"seconds": -1},
        {"seconds": float("nan")},
        {"seconds": "12"},
        {"seconds": True},
        {"time": 10**300},
        {"failed": "ssh.service"},
        {"failed": ["\x1b[2J"]},
        {"failed": ["u"] * 65},
        {"failed": [None]},
        {"uptime": None},
        {"uptime": -1},
    ],
)
def test_what_is_not_well_formed_is_refused(changes: dict[str, Any]) -> None:
    """Every field has bounds; nothing reaches a terminal or a page that is no plain word."""
    with pytest.raises(ReportError, match=r"^its "):
        parse(json.dumps({**GOOD, **changes}).encode(), "ssi1", 0, "nfs")


@pytest.mark.parametrize("content", [b"", b"[" * 4096, b"\xff\xfe", b'"text"', b"null", b'{"schema": 1', b"9" * 4096])
def test_what_is_no_json_object_is_refused(content: bytes) -> None:
    """Text that is no report ends in a reason, and in nothing worse."""
    with pytest.raises(ReportError, match="JSON"):
        parse(content, "ssi1", 0, "nfs")


@given(st.dictionaries(st.sampled_from(list(GOOD)), st.recursive(st.none() | st.floats() | st.text(), st.lists)))
def test_any_json_is_read_or_refused(changes: dict[str, Any]) -> None:
    """No document ends in another exception."""
    with contextlib.suppress(ReportError):
        parse(json.dumps({**GOOD, **changes}).encode(), "ssi1", 0, "nfs")
