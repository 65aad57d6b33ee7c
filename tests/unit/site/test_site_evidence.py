"""Traces of nodes are read from what real programs write, and nothing else in these files disturbs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from builder.site import evidence
from builder.site.evidence import (
    LOADED,
    MOUNTED,
    RENEWED,
    SPOKE,
    Trace,
    collect,
    parse_access_log,
    parse_ganesha,
    parse_nfsd_client,
    parse_rmtab,
    parse_syslog,
)
from builder.site.places import Places

NOW = 1_795_950_000.0
ROOT = "/NFSROOT/kerrighed/2026.11.27"
JOURNAL = f"""\
1795946400.123456 nfsserver rpc.mountd[812]: authenticated mount request from 192.168.0.101:703 for {ROOT} ({ROOT})
1795946401.000001 nfsserver rpc.mountd[812]: authenticated unmount request from 192.168.0.101:703 for {ROOT} ({ROOT})
1795946402.000001 nfsserver rpc.mountd[812]: refused mount request from 10.0.0.9 for {ROOT} ({ROOT}): unmatched host
1795946403.500000 nfsserver in.tftpd[99]: RRQ from 192.168.0.102 filename /kerrighed/2026.11.27/vmlinuz-6.12.1-amd64
1795946404.500000 nfsserver in.tftpd[99]: tftp: client does not accept options
1795946405.000000 nfsserver dnsmasq-tftp[7]: sent /srv/tftp/kerrighed/2026.11.27/initrd.img to 192.168.0.103
1795946406.000000 nfsserver dnsmasq-tftp[7]: file /srv/tftp/pxegrub.cfg not found for 192.168.0.103
1795946407.000000 nfsserver sshd[1]: authenticated mount request from 192.168.0.104:703 for {ROOT} ({ROOT})
-- Boot 0d5b6a529c684b9e8a6c6a1f9f1f5a01 --
"""
ACCESS_LOG = """\
192.168.0.101 - - [29/Nov/2026:10:00:00 +0000] "GET /kerrighed/2026.11.27/root.squashfs HTTP/1.1" 200 2110 "-" "W"
192.168.0.102 - - [29/Nov/2026:11:00:01 +0100] "GET /kerrighed/2026.11.27/vmlinuz-6.12.1-amd64 HTTP/1.1" 206 10 "-" "G"
192.168.0.103 - - [29/Nov/2026:10:00:00 +0000] "GET /kerrighed/2026.11.26/vmlinuz HTTP/1.1" 404 153 "-" "GRUB 2.12"
192.168.0.103 - - [29/Nov/2026:10:00:00 +0000] "PUT /report HTTP/1.1" 201 0 "-" "-"
192.168.0.103 - - [99/Nov/2026:10:00:00 +0000] "GET /x HTTP/1.1" 200 0 "-" "-"
192.168.0.103 - - [29/Nov/2026:10:00:00 +0000] "\\x16\\x03\\x01" 400 157 "-" "-"
"""
NFSD_INFO = """\
clientid: 0x6d0596c9609fa1b7
address: "192.168.0.101:842"
status: confirmed
seconds from last renew: 12
name: "Linux NFSv4.2 ssi1"
minor version: 2
Implementation domain: "kernel.org"
Implementation name: "Linux 6.12.1-amd64 x86_64"
Implementation time: [0, 0]
"""
GANESHA = (
    '{"type":"(tt)a(sbbbbbbbb(tt))","data":[[1795949999,5],[["::ffff:192.168.0.101",true,false,false,true,false,false,'
    'false,false,[1795949990,17]],["192.168.0.102",true,false,false,true,false,false,false,false,[1795940000,0]]]]}\n'
)


def test_the_journal_tells_who_mounted_and_loaded() -> None:
    """rpc.mountd, in.tftpd and dnsmasq name client and path; refusals and lines of other programs do not count."""
    assert list(parse_syslog(JOURNAL.splitlines(), NOW)) == [
        Trace("192.168.0.101", ROOT, 1795946400.123456, MOUNTED),
        Trace("192.168.0.102", "/kerrighed/2026.11.27/vmlinuz-6.12.1-amd64", 1795946403.5, LOADED),
        Trace("192.168.0.103", "/srv/tftp/kerrighed/2026.11.27/initrd.img", 1795946405.0, LOADED),
    ]


@pytest.mark.parametrize(
    ("written", "time_meant"),
    [
        ("2026-11-29T10:00:00.123456+00:00", 1795946400.123456),
        ("2026-11-29T11:00:00+01:00", 1795946400.0),
        ("Nov 29 10:00:00", 1795946400.0),
        ("Dec  1 10:00:00", 1795946400.0 - 363 * 86_400),
        ("Feb 29 10:00:00", None),
        ("2026-99-29T10:00:00+00:00", None),
    ],
)
def test_times_of_every_kind_of_log_are_read(
    monkeypatch: pytest.MonkeyPatch, written: str, time_meant: float | None
) -> None:
    """rsyslog's new times and old ones, which have no year: such a line is of the last twelve months."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    line = f"{written} nfsserver in.tftpd[99]: RRQ from 192.168.0.102 filename /pxegrub"
    assert [trace.time for trace in parse_syslog([line], NOW)] == [time_meant]


def test_nginx_tells_who_loaded() -> None:
    """Answers with content count; refusals, reports and rubbish do not."""
    traces = [trace for trace in parse_access_log(ACCESS_LOG.splitlines()) if trace.time]
    assert [(trace.address, trace.path, trace.time) for trace in traces] == [
        ("192.168.0.101", "/kerrighed/2026.11.27/root.squashfs", 1795946400.0),
        ("192.168.0.102", "/kerrighed/2026.11.27/vmlinuz-6.12.1-amd64", 1795946401.0),
    ]


def test_rmtab_tells_who_mounted_once() -> None:
    """It has no times, and lines that are none are left out."""
    lines = [f"192.168.0.101:{ROOT}:0x00000001", "", "rubbish", ":/x:0x1", "192.168.0.102:none:0x00000001"]
    assert list(parse_rmtab(lines)) == [Trace("192.168.0.101", ROOT, None, MOUNTED)]


def test_nfsd_tells_who_is_there() -> None:
    """A client of NFSv4 renews its lease; what it mounts nobody notes."""
    assert list(parse_nfsd_client(NFSD_INFO, NOW)) == [Trace("192.168.0.101", "", NOW - 12, RENEWED)]
    assert list(parse_nfsd_client("", NOW)) == []


def test_ganesha_tells_who_is_there() -> None:
    """Clients are read from what it answers over D-Bus, however many flags there are."""
    assert list(parse_ganesha(GANESHA)) == [
        Trace("192.168.0.101", "", 1795949990.0, SPOKE),
        Trace("192.168.0.102", "", 1795940000.0, SPOKE),
    ]


@pytest.mark.parametrize("text", ["", "Call failed", "{}", '{"data":[[1,2],7]}', '{"data":[[1,2],[[],[7],"x",["a"]]]}'])
def test_an_answer_that_is_none_tells_nothing_of_clients(text: str) -> None:
    """No form of D-Bus's answer ends in an exception."""
    assert [trace for trace in parse_ganesha(text) if trace.time is not None] == []


def test_a_log_is_read_from_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a huge log the last lines are read, whole ones."""
    monkeypatch.setattr(evidence, "LARGEST", 1000)
    log = Places(tmp_path).on_server(evidence.RMTAB)
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"192.168.0.{n}:{ROOT}:0x00000001\n" for n in range(1, 250)))
    addresses = [trace.address for trace in collect(Places(tmp_path), NOW).traces]
    assert addresses[-1] == "192.168.0.249"
    assert 10 < len(addresses) < 30
    assert all(address.startswith("192.168.0.") for address in addresses)


def test_a_source_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """What is there and unreadable is said; the other sources count."""
    places = Places(tmp_path)
    places.on_server(evidence.ACCESS_LOG).mkdir(parents=True)
    places.on_server(evidence.RMTAB).parent.mkdir(parents=True)
    places.on_server(evidence.RMTAB).write_text(f"192.168.0.101:{ROOT}:0x00000001\n")
    found = collect(places, NOW)
    assert [trace.address for trace in found.traces] == ["192.168.0.101"]
    assert found.unread == ("/var/log/nginx/access.log cannot be read: Is a directory",)


def test_a_server_without_any_source_has_no_traces(tmp_path: Path) -> None:
    """Nothing there is nothing wrong."""
    assert collect(Places(tmp_path), NOW) == evidence.Evidence()
