"""Traces that nodes leave on their server beside their reports: which release a node mounted or loaded, and when.

No source of traces is complete: logs rotate, rmtab never forgets, a client of NFSv4 names no directory.  A missing
source has no traces; a source that cannot be read is named.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from builder.settings import reports
from builder.site.places import Places

LARGEST = 8 << 20
"""The most bytes of a log that are read, from its end."""

MOST_LINES = 50_000
"""The most lines of the journal that are read, the newest ones."""

SECONDS_TO_ANSWER = 5.0
"""Seconds within which the journal and nfs-ganesha have to answer."""

JOURNAL = (
    *("journalctl", "--quiet", "--no-pager", "--output=short-unix", f"--lines={MOST_LINES}"),
    f"--grep=^(?!.* for {reports.DIRECTORY}/)",
    *(f"SYSLOG_IDENTIFIER={name}" for name in ("rpc.mountd", "in.tftpd", "dnsmasq-tftp")),
)
"""The command that reads the journal, without mounts for reports, one each ten minutes a node (pcre2pattern(3))."""

GANESHA = (
    *("busctl", "--system", "--json=short", "call", "org.ganesha.nfsd", "/org/ganesha/nfsd/ClientMgr"),
    *("org.ganesha.nfsd.clientmgr", "ShowClients"),
)
SYSLOGS = ("/var/log/syslog", "/var/log/daemon.log")
"""The log files of rsyslog, whose lines the journal has, too; they are for machines without a journal."""

ACCESS_LOG = "/var/log/nginx/access.log"
RMTAB = "/var/lib/nfs/rmtab"
NFSD_CLIENTS = "/proc/fs/nfsd/clients"


@dataclass(frozen=True)
class Trace:
    """An action of a client; `did` says it in words that go behind the client's name.

    `address` is the client's, and `path` the path that it mounted or loaded; empty where the source does not say.
    `time` is in seconds since 1970 (UTC), and None where the source does not say.
    """

    address: str
    path: str
    time: float | None
    did: str


@dataclass(frozen=True)
class Evidence:
    """All traces that were found, and a sentence for each source that could not be read."""

    traces: tuple[Trace, ...] = ()
    unread: tuple[str, ...] = ()


def collect(places: Places, now: float) -> Evidence:
    """Read all sources of traces; below another root than / only files, for there are no daemons to ask."""
    sources: dict[str, Callable[[], Iterable[Trace]]] = {
        ACCESS_LOG: lambda: parse_access_log(_tail(places.on_server(ACCESS_LOG))),
        RMTAB: lambda: parse_rmtab(_tail(places.on_server(RMTAB))),
    }
    if places.root == Path("/"):
        sources["the journal"] = lambda: parse_syslog(_ask(JOURNAL), now)
        sources["nfs-ganesha"] = lambda: parse_ganesha("".join(_ask(GANESHA)))
        sources[NFSD_CLIENTS] = lambda: _read_nfsd_clients(Path(NFSD_CLIENTS), now)
    for log in SYSLOGS:
        sources[log] = lambda log=log: parse_syslog(_tail(places.on_server(log)), now)  # type: ignore[misc]
    traces: list[Trace] = []
    unread = []
    for name, read in sources.items():
        try:
            traces.extend(read())
        except OSError as error:
            unread.append(f"{name} cannot be read: {error.strerror or error}")
    return Evidence(tuple(traces), tuple(unread))


MOUNTED, LOADED, RENEWED, SPOKE = "mounted its root", "loaded files", "renewed its lease", "spoke to nfs-ganesha"
DID = {"rpc.mountd": MOUNTED, "in.tftpd": LOADED, "dnsmasq-tftp": LOADED}
_SYSLOG = re.compile(
    r"^(?P<time>\d+\.\d+|\d{4}-\d\d-\d\dT\S+|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) \S+ "
    r"(?P<program>rpc\.mountd|in\.tftpd|dnsmasq-tftp)\[\d+\]: (?:"
    r"authenticated mount request from (?P<mounts>\S+?):\d+ for (?P<mounted>/\S+) \(|"
    r"RRQ from (?P<asks>\S+) filename (?P<asked>\S+)|"
    r"sent (?P<sent>/\S+) to (?P<to>\S+))"
)
"""A line of rpc.mountd(8), of in.tftpd(8) with --verbose, or of dnsmasq, as the journal or rsyslog writes it."""


def parse_syslog(lines: Iterable[str], now: float) -> Iterator[Trace]:
    """Traces in lines of the system's log; `now` gives the year of a line that has none."""
    for line in lines:
        found = _SYSLOG.match(line)
        if found:
            address = found["mounts"] or found["asks"] or found["to"]
            path = found["mounted"] or found["asked"] or found["sent"]
            yield Trace(_plain(address), path, _time(found["time"], now), DID[found["program"]])


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ACCESS = re.compile(
    rf"^(\S+) \S+ \S+ \[(\d\d)/({'|'.join(_MONTHS)})/(\d{{4}}):([\d:]{{8}}) ([+-]\d\d)(\d\d)\] "
    r'"GET (/\S*) HTTP/[\d.]+" (?:200|206) '
)


def parse_access_log(lines: Iterable[str]) -> Iterator[Trace]:
    """Traces in nginx's log of requests, in its format `combined` (ngx_http_log_module)."""
    for line in lines:
        found = _ACCESS.match(line)
        if found:
            address, day, month, year, hour, zone, minutes, path = found.groups()
            written = f"{year}-{_MONTHS.index(month) + 1:02}-{day}T{hour}{zone}:{minutes}"
            yield Trace(_plain(address), path, _time(written, 0), LOADED)


def parse_rmtab(lines: Iterable[str]) -> Iterator[Trace]:
    """Traces in the list of NFSv3 mounts that rpc.mountd keeps, CLIENT:PATH:COUNT a line, and never shortens."""
    for line in lines:
        client, _, rest = line.partition(":")
        path, separator, _ = rest.rpartition(":")
        if client and separator and path.startswith("/"):
            yield Trace(client, path, None, MOUNTED)


_ADDRESS = re.compile(r'^address: "(.+):\d+"$', re.MULTILINE)
_RENEWED = re.compile(r"^seconds from last renew: (\d+)$", re.MULTILINE)


def parse_nfsd_client(text: str, now: float) -> Iterator[Trace]:
    """The trace of a client of NFSv4 in its `info` file (Linux, fs/nfsd/nfs4state.c)."""
    address, renewed = _ADDRESS.search(text), _RENEWED.search(text)
    if address:
        yield Trace(_plain(address[1]), "", now - int(renewed[1]) if renewed else None, RENEWED)


def parse_ganesha(text: str) -> Iterator[Trace]:
    """Traces in nfs-ganesha's answer to ShowClients, as busctl(1) writes it: the time, then a list of clients.

    A client is its address, then flags whose number differs from version to version, and the time of its last request.
    """
    if not text.strip():
        return
    try:
        clients = json.loads(text)["data"][1]
    except (ValueError, LookupError, TypeError):
        return
    for client in clients if isinstance(clients, list) else ():
        if isinstance(client, list) and client and isinstance(client[0], str):
            yield Trace(_plain(client[0]), "", _ganesha_time(client[-1]), SPOKE)


def _ganesha_time(value: Any) -> float | None:
    if isinstance(value, list) and value and isinstance(value[0], int):
        return float(value[0])
    return None


def _plain(address: str) -> str:
    """An IPv4 address, without the prefix that it has as an IPv6 address (RFC 4291, section 2.5.5.2)."""
    return address.removeprefix("::ffff:")


def _time(text: str, now: float) -> float | None:
    if text[0].isalpha():
        return _time_without_year(text, now)
    try:
        return datetime.fromisoformat(text).timestamp() if "T" in text else float(text)
    except ValueError:
        return None


def _time_without_year(text: str, now: float) -> float | None:
    """The time of a line without a year: within the last twelve months, in the time zone of this machine."""
    year = datetime.fromtimestamp(now).year
    for guess in (year, year - 1):
        try:
            time = datetime.strptime(f"{guess} {text}", "%Y %b %d %H:%M:%S").timestamp()
        except ValueError:
            continue
        if time <= now + 86_400:
            return time
    return None


def _tail(file: Path) -> list[str]:
    """The last whole lines of a file; none where there is no file."""
    try:
        with file.open("rb") as opened:
            size = opened.seek(0, os.SEEK_END)
            opened.seek(max(0, size - LARGEST))
            lines = opened.read(LARGEST).decode(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    return lines[1:] if size > LARGEST else lines


def _ask(argv: tuple[str, ...]) -> list[str]:
    """The lines that a program writes; none where the program is missing, or fails, for instance without its daemon."""
    try:
        done = subprocess.run(argv, capture_output=True, timeout=SECONDS_TO_ANSWER, check=False)
    except FileNotFoundError:
        return []
    except subprocess.TimeoutExpired as error:
        raise OSError(f"{argv[0]} does not answer within {SECONDS_TO_ANSWER:.0f} s") from error
    return done.stdout.decode(errors="replace").splitlines() if done.returncode == 0 else []


def _read_nfsd_clients(directory: Path, now: float) -> Iterator[Trace]:
    try:
        clients = sorted(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for client in clients:
        try:
            text = (client / "info").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:  # the client has gone
            continue
        yield from parse_nfsd_client(text, now)
