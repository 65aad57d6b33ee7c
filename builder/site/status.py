"""The status of each node: the version that it runs, the version that it boots next, and whether it is as switched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from builder.difference.packages import PackageChange, Way, compare_packages
from builder.errors import NfsrootError
from builder.site.clock import wall_time
from builder.site.journal import Entry
from builder.site.records import Record
from builder.site.selection import Records
from builder.site.sightings import SECONDS_OF_A_BOOT, Sighting
from builder.site.state import Serving, SiteState

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class NodeStatus:
    """The status of a node of the recipe `recipe`.

    `sighting` is the last sighting of the node; None when it was never seen.  `next_version` is the version that it
    boots next; empty as long as nobody switched.  `trial` says how the node stands on trial, and is empty for a node
    that is not.  `changes` are the packages that differ between the version that the node runs and the next one; None
    where nobody can tell.  `differs` is the reason why the node does not run as it was switched, and is empty when it
    does.
    """

    recipe: str
    node: str
    address: str
    sighting: Sighting | None
    next_version: str
    trial: str = ""
    changes: tuple[PackageChange, ...] | None = ()
    differs: str = ""

    @property
    def runs(self) -> str:
        """The version that the node runs, behind the release's name where the recipe is another; empty when unknown."""
        seen = self.sighting
        if seen is None or not seen.version:
            return ""
        return seen.version if seen.name == self.recipe else f"{seen.name} {seen.version}"

    @property
    def changes_at_boot(self) -> bool:
        """Whether the node is known to run another version than it boots next."""
        return bool(self.runs and self.next_version and self.runs != self.next_version)


@dataclass(frozen=True)
class SiteStatus:
    """The status of all nodes, sentences about problems of the site itself, and about sources that cannot be read."""

    nodes: tuple[NodeStatus, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_as_switched(self) -> bool:
        """Whether no node differs from what was switched, and the site has no problems."""
        return not self.problems and not any(node.differs for node in self.nodes)


class _Package(NamedTuple):
    name: str
    version: str
    architecture: str
    source: str
    security: str | None


def find_node_status(
    name: str, serving: Serving, records: Records, sightings: Mapping[str, Sighting], changed: Mapping[str, float]
) -> tuple[NodeStatus, ...]:
    """The status of each node of a recipe, in the order of its cluster.

    `changed` has the time at which each node got another menu, as far as the journal says.
    """
    versions = records.get(name, {})
    record = versions.get(serving.version) or next(iter(versions.values()), None)
    if record is None:
        return ()

    @cache
    def compare(before: str, after: str) -> tuple[PackageChange, ...] | None:
        pair = versions.get(before), versions.get(after)
        return compare_packages(read_packages(pair[0]), read_packages(pair[1])) if pair[0] and pair[1] else None

    found = []
    for node in record.settings.nodes:
        sighting, after = sightings.get(node.name), serving.version_of(node.name)
        status = NodeStatus(name, node.name, str(node.address), sighting, after, _trial(serving, node.name))
        if status.changes_at_boot:
            differs = _differs(status, changed.get(node.name))
            status = replace(status, changes=compare(status.runs, after), differs=differs)
        found.append(status)
    return tuple(found)


def read_packages(record: Record) -> list[_Package]:
    """The packages in the tree of an unpacked release, as its manifest lists them.

    :raises NfsrootError: the manifest cannot be read.
    """
    file = record.directory / MANIFEST
    try:
        listed = json.loads(file.read_bytes())["packages"]
        return [
            _Package(p["name"], p["version"], p["architecture"], p.get("source", ""), p.get("security")) for p in listed
        ]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise NfsrootError(f"{file} cannot be read: {error!r}", resolution="Unpack the release once more.") from error


def find_changes(entries: Iterable[Entry], name: str, nodes: Iterable[str]) -> dict[str, float]:
    """The time at which each node of a recipe got its current menu, in seconds since 1970 (UTC).

    `entries` of the journal have the newest first.  Nodes whose menu no entry changed are left out.
    """
    found: dict[str, float] = {}
    wanted = set(nodes)
    for entry in entries:
        before, after = entry.before.of(name), entry.after.of(name)
        if before != after:
            moved = [node for node in wanted if before.version_of(node) != after.version_of(node)]
            found.update(dict.fromkeys(moved, entry.ended or entry.begun))
            wanted.difference_update(moved)
        if not wanted:
            break
    return found


def find_problems(state: SiteState, records: Records, last: Entry | None) -> tuple[str, ...]:
    """A sentence for each problem of the site itself, whatever its nodes run."""
    found = []
    if last is not None and last.ended is None:
        found.append(f"change {last.number} ({' '.join(last.command)}) {_words_of_interruption(last)}")
    for name, serving in state.recipes.items():
        missing = sorted(serving.versions() - {serving.before} - set(records.get(name, {})))
        found += [f"nodes boot {name} {version}, which is not unpacked here" for version in missing]
    return tuple(found)


def _words_of_interruption(entry: Entry) -> str:
    if not entry.problem:
        return "was interrupted; the next verb finishes it"
    return f"stopped half-way: {entry.problem.rstrip('.:;, ')}. Put that right, and finish it: nfsroot-site apply"


def words_of_changes(changes: tuple[PackageChange, ...] | None) -> str:
    """The numbers of packages that differ, in words: `2 packages updated, 1 added`."""
    if changes is None:
        return "one of the two is not unpacked here"
    groups = {
        "updated": [c for c in changes if c.way is Way.UP],
        "set back": [c for c in changes if c.way is Way.DOWN],
        "changed": [c for c in changes if c.way is Way.OTHER],
        "added": [c for c in changes if c.way is Way.ADDED],
        "removed": [c for c in changes if c.way is Way.REMOVED],
    }
    parts = [(len(group), word) for word, group in groups.items() if group]
    if not parts:
        return "the same packages"
    number, word = parts[0]
    rest = "".join(f", {count} {each}" for count, each in parts[1:])
    return f"{number} package{'s' if number != 1 else ''} {word}{rest}"


def _trial(serving: Serving, node: str) -> str:
    trial = serving.trial
    if trial is None or node not in trial.nodes:
        return ""
    return "confirmed" if node in trial.confirmed else f"until {wall_time(trial.deadline)}"


def _differs(status: NodeStatus, changed: float | None) -> str:
    """The reason why a node differs: it booted after its menu changed, and not the version in the menu; else empty."""
    seen = status.sighting
    if changed is None or seen is None or seen.since is None or seen.since < changed + SECONDS_OF_A_BOOT:
        return ""
    return f"booted {status.runs} at {wall_time(seen.since)}, although its menu has {status.next_version}"
