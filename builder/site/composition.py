"""Composes the settings of a site's servers from all releases on it: a pure function of state, records and options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Network

from builder.settings import isc
from builder.settings.programs import Program, every_program
from builder.settings.release import ReleaseSettings
from builder.settings.sizes import SYSCTL_CONF, Sizes, sizes_for
from builder.settings.texts import HOSTS, Render, renderers
from builder.site.conflicts import refuse_conflicts, refuse_programs
from builder.site.exporting import compose_exports
from builder.site.options import NO_OPTIONS, Options
from builder.site.releases import mounting_releases, served_releases, unpacked_releases
from builder.site.selection import Records
from builder.site.state import SiteState

DHCPD_CONF = "etc/dhcp/dhcpd.conf"
ISC_DEFAULTS = "etc/default/isc-dhcp-server"
ETC_HOSTS = "etc/hosts"
EXPORTS_OF_GANESHA = "etc/ganesha/exports.d/"
EXPORTS_OF_KERNEL = "etc/exports.d/"
ORDER = ("nfs", "http", "logs", "tftp", "dhcp")
"""Roles in the order in which programs get their settings: no server sends nodes to one that does not serve yet."""


@dataclass(frozen=True)
class Surroundings:
    """The settings of others in files and directories that the site shares with them.

    `shares_dhcpd_conf` says that dhcpd.conf has declarations of others, and `declared` has the subnets among these.
    `export_ids` are the Export_Ids of exports of nfs-ganesha that are not the site's.
    """

    shares_dhcpd_conf: bool = False
    declared: tuple[IPv4Network, ...] = ()
    export_ids: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Composition:
    """The settings of a site's servers.

    `files` are whole files, and `blocks` the site's blocks in files that others write, by their paths on the server
    without the slash at the beginning.  `programs` are the programs that serve, in the order in which they get their
    settings, each with the paths of its settings.  `sizes` are the limits for the nodes that are served.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    blocks: Mapping[str, str] = field(default_factory=dict)
    programs: tuple[Program, ...] = ()
    sizes: Sizes = field(default_factory=lambda: sizes_for(()))


ALONE = Surroundings()
"""The surroundings on a server on which others have no settings."""


def compose(
    state: SiteState, records: Records, options: Options = NO_OPTIONS, surroundings: Surroundings = ALONE
) -> Composition:
    """Compose the settings of a site's servers for the versions that the nodes of all recipes boot.

    :raises RefusedError: releases contradict each other, or one that nodes are to boot is not unpacked.
    """
    served, unpacked = served_releases(state, records), unpacked_releases(records)
    mounting = mounting_releases(served, records)
    refuse_conflicts(served, unpacked)
    asked = {role: claims for role, claims in _asked(served, mounting).items() if claims}
    refuse_programs(asked, options.programs)
    chosen = {role: options.programs.get(role, next(iter(claims))) for role, claims in asked.items()}
    exports = compose_exports(unpacked, served, surroundings.export_ids)
    texts: dict[str, Render] = {
        **renderers(served, mounting),
        **{path: partial(str, text) for path, text in exports.files.items()},
    }
    running = tuple(_running(chosen, texts))
    wanted = dict.fromkeys(path for program in running for path in program.settings)
    if running and SYSCTL_CONF in texts:
        wanted[SYSCTL_CONF] = None
    blocks = {ETC_HOSTS: texts[HOSTS]()} if served else {}
    if DHCPD_CONF in wanted and surroundings.shares_dhcpd_conf:
        blocks[DHCPD_CONF] = isc.dhcpd_conf(served, beside_others=True, declared=surroundings.declared)
        del wanted[DHCPD_CONF], wanted[ISC_DEFAULTS]  # those who declare networks name dhcpd's interfaces, too
    return Composition({path: texts[path]() for path in wanted}, blocks, running, sizes_for(served))


def _asked(
    served: tuple[ReleaseSettings, ...], mounting: tuple[ReleaseSettings, ...]
) -> dict[str, dict[str, ReleaseSettings]]:
    """The programs that recipes choose, by role, each with the release of the first recipe that chooses it."""
    asked: dict[str, dict[str, ReleaseSettings]] = {role: {} for role in ORDER}
    for role in ORDER:
        for release in mounting if role == "nfs" else served:
            if role in release.programs:
                asked[role].setdefault(release.programs[role], release)
    return asked


def _running(chosen: Mapping[str, str], texts: Mapping[str, object]) -> Iterator[Program]:
    """Yield the chosen programs, each with the paths of its settings that were composed, exports among them."""
    for role in (role for role in ORDER if role in chosen):
        (program,) = (each for each in every_program() if (each.role, each.name) == (role, chosen[role]))
        exports = {"kernel": EXPORTS_OF_KERNEL, "ganesha": EXPORTS_OF_GANESHA}.get(program.name, "//")
        settings = [path for path in texts if path in program.settings or path.startswith(exports)]
        yield program._replace(settings=tuple(settings))
