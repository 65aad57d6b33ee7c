"""Composes the menus of all nodes of a site: the release that each node boots, and the release to fall back to.

Each release brings its menus along: HOST in GRUB legacy's syntax, HOST.cfg in GRUB 2's, and MAC.cfg, which names the
host that has a MAC address.  Every boot loader reads grub.cfg first.  While all releases have the same grub.cfg, it is
theirs; else it is the site's, and leads each node to the grub.cfg of its release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from builder.errors import NfsrootError
from builder.release_names import release_name
from builder.settings.dhcp import Reservation
from builder.site import entries
from builder.site.records import Record
from builder.site.selection import Records
from builder.site.state import Serving, SiteState
from builder.site.trial import boot_limit
from builder.templates import fill

FIRST = "grub.cfg"
"""The menu that every boot loader reads first."""
DEFAULTS = ("default", "default.cfg")
"""The menus of machines that have no menu of their own."""
HEADER = re.compile(r"\A(?:# (?:Made by nfsroot|Generated:).*\n)+")
LEGACY = re.compile(r"^ *set form=$", re.MULTILINE)
"""A line of grub.cfg by which nodes may read menus in GRUB legacy's syntax."""


@dataclass(frozen=True)
class _Menu:
    """A node's menu in the making: its release, and the release to fall back to."""

    node: Reservation
    record: Record
    fallback: Record | None
    boot_seconds: int = 0


def compose_menus(state: SiteState, records: Records) -> dict[str, str]:
    """The texts of all menus by their names below /srv/tftp/grub; none where nobody switched to a release.

    :raises NfsrootError: a release that nodes are to boot is not unpacked.
    """
    menus = [menu for name, serving in sorted(state.recipes.items()) for menu in _menus(name, serving, records)]
    own = {name: text for menu in menus for name, text in _texts(menu).items()}
    return {**own, **_shared(state, records, menus)} if menus else {}


def label(state: SiteState) -> str:
    """The name of a generation behind its number: the release that was switched to last."""
    served = [(serving.switched, release_name(name, serving.version)) for name, serving in state.recipes.items()]
    return max(served, default=(0, "nothing"))[1]


def _menus(name: str, serving: Serving, records: Records) -> Iterator[_Menu]:
    if not serving.version:
        return
    for node in _record(records, name, serving.version).settings.nodes:
        record = _record(records, name, serving.version_of(node.name))
        fallback = records.get(name, {}).get(serving.earlier_version_of(node.name))
        on_trial = serving.trial is not None and node.name in serving.trial.nodes
        yield _Menu(node, record, fallback, boot_limit(serving.trial) if serving.trial and on_trial else 0)


def _record(records: Records, name: str, version: str) -> Record:
    record = records.get(name, {}).get(version)
    if record is None:
        raise NfsrootError(
            f"nodes boot {name} {version}, which is not unpacked any more",
            resolution=f"Unpack it again:\n  nfsroot-site unpack {name}@{version}",
        )
    return record


def _texts(menu: _Menu) -> dict[str, str]:
    host, mac = menu.node.name, f"{menu.node.mac}.cfg"
    texts = {name: _compose(menu, name) for name in (host, f"{host}.cfg")}
    return {**texts, mac: _text(menu.record, mac)}


def _compose(menu: _Menu, name: str) -> str:
    text = _text(menu.record, name)
    fallback = _fallback(menu, name)
    first = entries.on_trial(text, menu.boot_seconds) if menu.boot_seconds else text
    return entries.with_fallback(first, fallback) if fallback else first


def _fallback(menu: _Menu, name: str) -> str:
    """The second entry of a menu; empty where there is none that the node can boot.

    The node cannot boot an entry for another NIC, nor one in a syntax that the entry's release does not read.
    """
    if menu.fallback is None or name not in menu.fallback.menus:
        return ""
    if not name.endswith(".cfg") and not _reads_legacy(menu.fallback.menus[FIRST]):
        return ""
    entry = entries.first_entry(menu.fallback.menus[name])
    return entry if entries.is_for_same_nic(entry, menu.record.menus[name]) else ""


@cache
def _reads_legacy(text: str) -> bool:
    return LEGACY.search(text) is not None


def _text(record: Record, name: str) -> str:
    try:
        return record.menus[name]
    except KeyError:
        raise NfsrootError(
            f"{record.directory} has no menu {name}",
            resolution=f"Unpack {record.name} {record.version} again.",
        ) from None


def _shared(state: SiteState, records: Records, menus: list[_Menu]) -> dict[str, str]:
    """The menus that nodes share."""
    _, name = max((serving.switched, name) for name, serving in state.recipes.items() if serving.version)
    newest = _record(records, name, state.of(name).version)
    return {**_first(newest, menus), **_defaults(newest, menus)}


def _first(newest: Record, menus: list[_Menu]) -> dict[str, str]:
    used = {menu.record.directory: menu.record for menu in menus}
    if len({HEADER.sub("", _text(record, FIRST)) for record in used.values()}) == 1:
        return {FIRST: _text(newest, FIRST)}
    own = {f"{_release(record)}.cfg": _text(record, FIRST) for record in used.values()}
    macs = {
        f"{menu.node.mac}.cfg": f"{_text(menu.record, f'{menu.node.mac}.cfg')}set release={_release(menu.record)}\n"
        for menu in menus
    }
    return {**own, **macs, FIRST: fill("builder.site", "grub.cfg")}


def _release(record: Record) -> str:
    """The name of a release in the menus; no host has this name, for it has an @ in it."""
    return f"{record.name}@{record.version}"


def _defaults(newest: Record, menus: list[_Menu]) -> dict[str, str]:
    """The menus of unknown machines: those of the only recipe, or, of several, ones that boot nothing."""
    if len({menu.record.name for menu in menus}) == 1:
        return {name: _text(newest, name) for name in DEFAULTS}
    return {name: fill("builder.site", name) for name in DEFAULTS}
