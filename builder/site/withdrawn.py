"""Releases that their publisher withdrew, with the reasons, as trusted stores said when they were read last.

A release that is unpacked here may be withdrawn later.  Each verb that reads a store keeps what the store says, so that
verbs that read none know it, too.  A release is known by the digest of its manifest, wherever it was unpacked from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from builder.errors import NfsrootError
from builder.site import state as states
from builder.site.decision import Decision
from builder.site.errors import RefusedError
from builder.site.nodes import fold
from builder.site.places import Places
from builder.site.records import Record
from builder.site.selection import Records
from builder.site.state import Serving, SiteState

if TYPE_CHECKING:  # a switch needs neither the libraries of stores, nor those of the status
    from builder.site.status import NodeStatus
    from builder.store.catalog import Release

Reasons = Mapping[str, str]
"""The reason why each release was withdrawn, by the SHA-256 of the release's manifest."""


def keep(places: Places, address: str, releases: Iterable[Release]) -> None:
    """Keep what the store at `address` says of its releases; the caller holds the lock of the site."""
    before = _read(places)
    reasons = {release.manifest.sha256: release.yanked for release in releases if release.yanked}
    if reasons != before.get(address, {}):
        states.replace_file(places.withdrawn, {"stores": {**before, address: reasons}})


def read(places: Places) -> Reasons:
    """The releases that any store withdrew, as far as this site has heard.

    :raises NfsrootError: the file cannot be read.
    """
    return {digest: reason for reasons in _read(places).values() for digest, reason in reasons.items()}


def refuse(decision: Decision, state: SiteState, record: Record, reasons: Reasons) -> None:
    """Refuse a decision that changes `state` so that nodes boot a release that was withdrawn.

    :raises RefusedError: it does.
    """
    reason = reasons.get(record.origin.manifest, "")
    if reason and decision.state != state:
        raise RefusedError(
            f"{record.name}@{record.version} was withdrawn: {reason}",
            resolution="Switch to another version, or say --allow-yanked.",
        )


def warn(decision: Decision, state: SiteState, name: str, records: Records, reasons: Reasons) -> Decision:
    """A decision with a sentence for each withdrawn release that nodes of a recipe boot by it, and not in `state`."""
    before, after = state.of(name), decision.state.of(name)
    versions = sorted(after.versions() - before.versions() | {after.version} - {before.version, ""})
    found = ((version, records.get(name, {}).get(version)) for version in versions)
    words = (
        f"{name}@{version} was withdrawn: {reason}"
        for version, record in found
        if record and (reason := reasons.get(record.origin.manifest, ""))
    )
    return replace(decision, words=(*decision.words, *words))


def find_served(name: str, serving: Serving, records: Records, reasons: Reasons) -> Iterator[str]:
    """Yield a sentence for each withdrawn release of a recipe that any of its nodes boot."""
    trial = serving.trial
    versions = {serving.version, *serving.nodes.values(), *((trial.version,) if trial else ())}
    for record, reason in _withdrawn({name: records.get(name, {})}, reasons):
        if record.version in versions:
            yield f"Nodes boot {name} {record.version}, which was withdrawn: {reason}"


def find_problems(statuses: Sequence[NodeStatus], records: Records, reasons: Reasons) -> Iterator[str]:
    """Yield a sentence for each withdrawn release that nodes boot next."""
    for record, reason in _withdrawn(records, reasons):
        if boot := _nodes(statuses, record, lambda status: status.next_version):
            verb = "boots" if len(boot) == 1 else "boot"
            yield f"{fold(boot)} {verb} {record.name} {record.version}, which was withdrawn: {reason}"


def find_notes(statuses: Sequence[NodeStatus], records: Records, reasons: Reasons) -> Iterator[str]:
    """Yield a sentence for each withdrawn release that no node boots next, and that is unpacked here."""
    for record, reason in _withdrawn(records, reasons):
        if not _nodes(statuses, record, lambda status: status.next_version):
            run = _nodes(statuses, record, lambda status: status.runs)
            use = f"which {fold(run)} {'runs' if len(run) == 1 else 'run'}" if run else "which is unpacked here"
            yield f"{record.name} {record.version}, {use}, was withdrawn: {reason}"


def _nodes(statuses: Iterable[NodeStatus], record: Record, version: Callable[[NodeStatus], str]) -> list[str]:
    """The nodes of a release's recipe that have it as the given version."""
    return [each.node for each in statuses if (each.recipe, version(each)) == (record.name, record.version)]


def _withdrawn(records: Records, reasons: Reasons) -> Iterator[tuple[Record, str]]:
    for versions in records.values() if reasons else ():
        for record in versions.values():
            if reason := reasons.get(record.origin.manifest, ""):
                yield record, reason


def _read(places: Places) -> dict[str, dict[str, str]]:
    try:
        table = json.loads(places.withdrawn.read_bytes())["stores"]
        return {
            str(address): {str(digest): str(reason) for digest, reason in reasons.items()}
            for address, reasons in table.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise NfsrootError(
            f"{places.withdrawn} cannot be read: {error!r}",
            resolution="Remove it: the next `nfsroot-site unpack` or `sync` writes it anew.",
        ) from error
