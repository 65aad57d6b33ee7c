"""Sites in directories of a test: releases that are unpacked there without archives, and services that write down."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from layouts import layout_of

from builder import release_names
from builder.events import Event
from builder.recipe.models import Recipe
from builder.server.settings import decide
from builder.settings.dhcp import Reservation
from builder.settings.release import FILE, ReleaseSettings
from builder.site import journal
from builder.site.places import Places
from builder.site.records import BUNDLE, Origin, Record, write_origin
from builder.site.state import Serving, SiteState


def asked(recipe: Recipe, version: str = "1.0") -> ReleaseSettings:
    """What a release of a recipe asks of its server."""
    return decide(layout_of(recipe, version))


def in_cluster(release: ReleaseSettings, name: str, number: int, nodes: int = 2, **dhcp: Any) -> ReleaseSettings:
    """The release `name` for a cluster of its own: subnet 10.NUMBER.0.0/24, and nodes NAME1, NAME2 ..."""
    subnet = IPv4Network(f"10.{number}.0.0/24" if nodes < 200 else f"10.{number}.0.0/16")
    first = subnet.network_address + 10
    reservations = tuple(
        Reservation.of_node(f"{name}{n}", f"52:54:00:{number:02x}:{n >> 8:02x}:{n & 255:02x}", first + n)
        for n in range(1, nodes + 1)
    )
    told = {
        "server": subnet.network_address + 1,
        "subnet": subnet,
        "broadcast": subnet.broadcast_address,
        "router": subnet.network_address + 1,
        "domain": f"{name}.example",
        "dns": (subnet.network_address + 1,),
        "ntp": (),
        "root_path": f"/NFSROOT/{name}",
        "reservations": reservations,
        **dhcp,
    }
    version = release.version
    exports = tuple(
        export._replace(path=f"/NFSROOT/{name}/{version}", clients=str(told["subnet"]))
        for export in release.exports[:1]
    )
    return replace(
        release,
        name=name,
        cluster=f"cluster-{name}",
        exports=_numbered(exports),
        state_exports=(),
        root=release.root._replace(state=""),
        dhcp=release.dhcp._replace(**told),
    )


def _numbered(exports: Iterable[Any]) -> tuple[Any, ...]:
    import uuid

    return tuple(export._replace(fsid=uuid.uuid5(uuid.NAMESPACE_URL, export.path)) for export in exports)


def unpack(places: Places, release: ReleaseSettings, unpacked: int = 1) -> Record:
    """The record of a release, as if it was unpacked."""
    record = Record(places.releases / release.name / release.version)
    (record.directory / MENUS).mkdir(parents=True)
    (record.directory / BUNDLE / FILE).write_text(release.text())
    (record.directory / BUNDLE / "srv/tftp/pxegrub").write_text(f"loader of {release.name} {release.version}")
    for name, text in _menus(release).items():
        (record.directory / MENUS / name).write_text(text)
    write_origin(record.directory, Origin("/releases", unpacked, "0" * 64))
    return record


def _menus(release: ReleaseSettings) -> dict[str, str]:
    """The menus of a release's nodes, each with one entry."""
    kernel = f"{release.tftp_directory}/vmlinuz"
    made = "# Made by nfsroot for a test.\n"
    legacy = f"{made}timeout 1\n\ntitle {release.version}\nroot (nd)\nkernel {kernel} BOOTIF=01-%s\n"
    grub2 = f'{made}set timeout=1\n\nmenuentry "{release.version}" {{\n  linux {kernel} BOOTIF=01-%s\n}}\n'
    found = {"grub.cfg": f"{made}set form=\n", "default": f"{made}timeout 1\n", "default.cfg": f"{made}set timeout=1\n"}
    for node in release.nodes:
        mac = node.mac.replace(":", "-")
        found |= {
            node.name: legacy % mac,
            f"{node.name}.cfg": grub2 % mac,
            f"{node.mac}.cfg": f"{made}set host={node.name}\n",
        }
    return found


def serving(*releases: ReleaseSettings) -> SiteState:
    """The state in which the nodes of these releases boot them."""
    return SiteState({release.name: Serving(release.version, switched=1) for release in releases})


MENUS = f"{BUNDLE}/{release_names.MENUS}"
"""The menus' directory in a record."""


def make_reporting_site(places: Places, recipe: Recipe, nodes: int, lines: int) -> None:
    """A site whose nodes report that they run the release before the one to which they were switched.

    nginx's log has so many lines, and each tree 400 packages, of which every ninth differs.
    """
    releases = [in_cluster(asked(recipe, version), "big", 7, nodes=nodes) for version in ("1", "2")]
    for number, release in enumerate(releases):
        packages = [
            {"name": f"p{n}", "version": f"{n}.{number if n % 9 == 0 else 0}", "architecture": "amd64", "source": "s"}
            for n in range(400)
        ]
        record = unpack(places, release, number)
        (record.directory / "manifest.json").write_text(json.dumps({"packages": packages}))
        journal.change(places, ("switch",), serving(release), lambda _state: None)
    places.reports_over_nfs.mkdir(parents=True)
    boot_id = "0d5b6a52-9c68-4b9e-8a6c-6a1f9f1f5a01"
    said = {"schema": 1, "release": "big", "version": "1", "boot_id": boot_id, "state": "running", "seconds": 9.4}
    for node in releases[0].nodes:
        report = {**said, "node": node.name, "uptime": 99_999, "failed": [], "time": 1}
        (places.reports_over_nfs / node.name).write_text(json.dumps(report))
    log = places.on_server("/var/log/nginx/access.log")
    log.parent.mkdir(parents=True)
    loaded = '- - [29/Nov/2026:10:00:00 +0000] "GET /big/1/vmlinuz HTTP/1.1" 200 2 "-" "G"'
    log.write_text("".join(f"10.7.0.{n % 200 + 10} {loaded}\n" for n in range(lines)))


@dataclass
class RecordedServices:
    """Services that write down what they are told; all are installed, and those in `running` run."""

    running: set[str] = field(default_factory=set)
    told: list[str] = field(default_factory=list)
    on_ports: dict[int, set[str]] = field(default_factory=dict)
    paths: set[str] = field(default_factory=set)
    has_dbus: bool = True
    has_own_kernel: bool = True

    def is_installed(self, service: str) -> bool:
        """Every service is there."""
        return bool(service)

    def is_active(self, service: str) -> bool:
        """Whether a service was started."""
        return service in self.running

    def listeners(self, protocol: str, port: int) -> frozenset[str] | None:
        """The processes that a test has put on a port; None when it has put none anywhere."""
        assert protocol in ("tcp", "udp")
        return frozenset(self.on_ports[port]) if port in self.on_ports else None

    def enable(self, service: str) -> bool:
        """All services are enabled."""
        return not service

    def reload_units(self) -> None:
        """Write it down."""
        self.told.append("reload units")

    def restart(self, service: str) -> None:
        """Write it down; the service runs."""
        self.told.append(f"restart {service}")
        self.running.add(service)

    def reload(self, service: str) -> None:
        """Write it down."""
        self.told.append(f"reload {service}")

    def stop(self, service: str) -> None:
        """Write it down; the service does not run."""
        self.told.append(f"stop {service}")
        self.running.discard(service)

    def export_again(self) -> None:
        """Write it down."""
        self.told.append("export")
        self.paths.add("/")

    def exported(self) -> frozenset[str]:
        """Something, after an export."""
        return frozenset(self.paths)

    def drop_exports(self, ids: Iterable[int]) -> bool:
        """Write it down, if there is D-Bus."""
        if self.has_dbus:
            self.told.append(f"drop {len(list(ids))} exports")
        return self.has_dbus

    def set_limits(self, path: str) -> bool:
        """Write it down."""
        self.told.append(f"limits {path.rpartition('/')[2]}")
        return True

    def set_threads(self, number: int) -> None:
        """Write it down."""
        self.told.append(f"threads {number}")


@dataclass
class Heard:
    """The texts of events."""

    texts: list[str] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        """Take note of a notice or a caution."""
        self.texts.append(str(getattr(event, "text", event)))


SERVER = IPv4Address("10.1.0.1")
"""The address of the server of cluster 1."""
