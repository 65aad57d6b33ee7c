"""Describes the difference between two states of a site: versions that nodes boot, and settings of servers."""

from __future__ import annotations

from collections.abc import Iterator

from builder.settings.release import ReleaseSettings
from builder.site.nodes import fold
from builder.site.selection import Records, node_names
from builder.site.state import Serving, SiteState


def describe(before: SiteState, after: SiteState, records: Records) -> tuple[str, ...]:
    """A sentence for each difference between the states `before` and `after`."""
    names = sorted({*before.recipes, *after.recipes})
    pairs = [(name, before.of(name), after.of(name)) for name in names]
    nodes = [line for pair in pairs for line in _describe_nodes(*pair, records)]
    return (*nodes, *describe_settings(before, after, records))


def describe_settings(before: SiteState, after: SiteState, records: Records) -> tuple[str, ...]:
    """A sentence for each setting of the servers that differs between the states `before` and `after`."""
    names = sorted({*before.recipes, *after.recipes})
    return tuple(line for name in names for line in _describe_settings(name, before.of(name), after.of(name), records))


def _describe_settings(name: str, before: Serving, after: Serving, records: Records) -> Iterator[str]:
    if before.version == after.version:
        return
    versions = records.get(name, {})
    if not after.version:
        yield f"{name}: its settings go away."
    elif not before.version:
        yield f"{name}: the servers get the settings of {after.version}."
    elif before.version in versions and after.version in versions:
        for change in compare(versions[before.version].settings, versions[after.version].settings):
            yield f"{name}: {change}"


def _describe_nodes(name: str, before: Serving, after: Serving, records: Records) -> Iterator[str]:
    had, have = _boots(name, before, records), _boots(name, after, records)
    groups: dict[tuple[str, str, bool], list[str]] = {}
    for node in dict.fromkeys((*had, *have)):
        (old, _), (new, trial) = had.get(node, ("", False)), have.get(node, ("", False))
        if old != new:
            groups.setdefault((old, new, trial), []).append(node)
    for (old, new, trial), nodes in groups.items():
        yield f"{name}: {fold(nodes)} {_boot(len(nodes), old, new, trial)}"


def _boots(name: str, serving: Serving, records: Records) -> dict[str, tuple[str, bool]]:
    """The version of each node that has a menu, and whether the node is on trial."""
    record = records.get(name, {}).get(serving.version)
    trial = serving.trial.nodes if serving.trial else ()
    return {node: (serving.version_of(node), node in trial) for node in (node_names(record) if record else ())}


def _boot(count: int, old: str, new: str, trial: bool) -> str:
    ending = "s" if count == 1 else ""
    if not new:
        return f"boot{ending} nothing any more (before: {old})."
    how = " on trial" if trial else ""
    return f"boot{ending} {new}{how} from the next boot on" + (f" (before: {old})." if old else ".")


def compare(before: ReleaseSettings, after: ReleaseSettings) -> Iterator[str]:
    """Yield a sentence for each difference between the settings of two releases, but for their own directories."""
    old = {node.name: (node.mac, str(node.address)) for node in before.nodes}
    new = {node.name: (node.mac, str(node.address)) for node in after.nodes}
    added, removed = [name for name in new if name not in old], [name for name in old if name not in new]
    if added:
        yield f"the cluster gets {fold(added)}: DHCP and /etc/hosts change."
    if removed:
        yield f"the cluster loses {fold(removed)}: DHCP does not answer them any more."
    for name in (name for name in new if old.get(name, new[name]) != new[name]):
        yield f"{name} has {' '.join(new[name])} instead of {' '.join(old[name])}: DHCP and /etc/hosts change."
    if _without_nodes(before) != _without_nodes(after):
        yield "what DHCP says of the network or the boot loaders changes."
    for role in sorted({*before.programs, *after.programs}):
        was, becomes = before.programs.get(role, "nothing"), after.programs.get(role, "nothing")
        if was != becomes:
            yield f"{role} is served by {becomes} instead of {was}."


def _without_nodes(settings: ReleaseSettings) -> tuple[object, ...]:
    dhcp = settings.dhcp
    network = (dhcp.server, dhcp.interface, dhcp.subnet, dhcp.broadcast, dhcp.router, dhcp.domain)
    return (*network, dhcp.dns, dhcp.ntp, dhcp.loaders)
