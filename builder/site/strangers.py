"""Settings on a server that the site did not write: Debian's examples, install.sh's, and an administrator's own."""

from __future__ import annotations

import hashlib
import re
from enum import Enum
from ipaddress import IPv4Network
from pathlib import Path

from builder.headers import MARK
from builder.settings import reports
from builder.settings.release import ReleaseSettings
from builder.site import blocks
from builder.site.composition import DHCPD_CONF, EXPORTS_OF_GANESHA, EXPORTS_OF_KERNEL, Surroundings
from builder.site.places import Places

DPKG_STATUS = "/var/lib/dpkg/status"
"""The file with the MD5 sum of each configuration file as its package brought it (dpkg-query(1), Conffiles)."""

TOP = 3
"""The number of lines at the top of a file among which nfsroot's header stands."""

DEBIAN = {
    "etc/default/isc-dhcp-server": {'INTERFACESv4=""', 'INTERFACESv6=""'},
    "etc/default/tftpd-hpa": {
        'TFTP_USERNAME="tftp"',
        'TFTP_DIRECTORY="/srv/tftp"',
        'TFTP_ADDRESS=":69"',
        'TFTP_OPTIONS="--secure"',
    },
}
"""Lines of files that Debian's packages make when they are installed, and that dpkg does not know."""

SUBNET = re.compile(r"^[ \t]*subnet\s+(\S+)\s+netmask\s+([0-9.]+)", re.MULTILINE)
EXPORT_ID = re.compile(r"^\s*Export_Id\s*=\s*([0-9]+)", re.MULTILINE | re.IGNORECASE)


class Author(Enum):
    """The author of a file of settings of which the site has no copy."""

    NFSROOT = "nfsroot"
    DEBIAN = "Debian"
    OTHER = "somebody else"


def author(places: Places, path: str, text: str) -> Author:
    """The author of a file's text: nfsroot's header is in its own files, and dpkg knows Debian's."""
    if any(MARK in line for line in text.splitlines()[:TOP]):
        return Author.NFSROOT
    if not text.strip() or _statements(text) == DEBIAN.get(path) or _is_conffile(places, path, text):
        return Author.DEBIAN
    return Author.OTHER


def read(file: Path) -> str | None:
    """The text of a file; None when there is none."""
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return None


def look_around(places: Places, releases: tuple[ReleaseSettings, ...]) -> Surroundings:
    """The settings of others in dhcpd.conf and among the exports of nfs-ganesha."""
    others = _declarations_of_others(places)
    found = [IPv4Network(f"{address}/{mask}", strict=False) for address, mask in _subnets(others)]
    texts = [read(file) or "" for file in left_exports(places, releases) if file.suffix == ".conf"]
    numbers = frozenset(int(number) for text in texts for number in EXPORT_ID.findall(text))
    return Surroundings(bool(others), tuple(found), numbers)


def left_exports(places: Places, releases: tuple[ReleaseSettings, ...]) -> list[Path]:
    """Files of exports that belong to no unpacked release: those of releases that somebody unpacked by hand."""
    known = {f"{release.name}-{part}" for release in releases for part in (release.version, "state")}
    known.add(reports.EXPORTS)
    directories = ((EXPORTS_OF_KERNEL, ".exports"), (EXPORTS_OF_GANESHA, ".conf"))
    return [
        file
        for directory, suffix in directories
        for file in sorted((places.root / directory).glob(f"[!.]*{suffix}"))
        if file.name.removesuffix(suffix) not in known and not (places.installed / directory / file.name).exists()
    ]


def _declarations_of_others(places: Places) -> str:
    """The part of dhcpd.conf that is not the site's; empty where the site may have the whole file."""
    text = read(places.root / DHCPD_CONF) or ""
    shared = blocks.split(text)
    if shared.block is not None:
        return shared.others
    copies = (read(directory / DHCPD_CONF) for directory in (places.installed, places.pending))
    if any(copy is not None for copy in copies) or author(places, DHCPD_CONF, text) is not Author.OTHER:
        return ""
    return text


def _subnets(text: str) -> list[tuple[str, str]]:
    found = []
    for address, mask in SUBNET.findall(re.sub(r"#.*", "", text)):
        try:
            IPv4Network(f"{address}/{mask}", strict=False)
        except ValueError:
            continue  # dhcpd's checker says what is wrong with it
        found.append((address, mask))
    return found


def _statements(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")}


def _is_conffile(places: Places, path: str, text: str) -> bool:
    digest = hashlib.md5(text.encode(errors="surrogateescape"), usedforsecurity=False).hexdigest()
    return f" /{path} {digest}\n" in (read(places.on_server(DPKG_STATUS)) or "")
