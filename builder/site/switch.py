"""Decides the versions that nodes boot after a switch: of all nodes or of some, for good or on trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from builder.errors import InputError
from builder.site import trial as trials
from builder.site.changes import describe
from builder.site.clock import Clock, wall_time
from builder.site.decision import Decision
from builder.site.errors import RefusedError
from builder.site.nodes import fold
from builder.site.records import Record
from builder.site.reports import Report
from builder.site.selection import Records, find_release, node_names, nodes_of, require_own_trees
from builder.site.state import Serving, SiteState


@dataclass(frozen=True)
class Switch:
    """A wish that nodes of the recipe `name` boot a version.

    `nodes` is None for all nodes.  `confirm` is the length of the trial in seconds; 0 switches for good.
    """

    name: str
    version: str
    nodes: tuple[str, ...] | None = None
    confirm: int = 0


def switch(state: SiteState, records: Records, wish: Switch, reports: Mapping[str, Report], clock: Clock) -> Decision:
    """The state of a site in which a wish is fulfilled; the current state when it is fulfilled already.

    :raises InputError: the release is not unpacked, or a node is not in its cluster.
    :raises RefusedError: a trial is under way; some nodes cannot boot a version of their own.
    """
    record, serving = find_release(records, wish.name, wish.version), state.of(wish.name)
    _refuse_second_trial(wish.name, serving)
    if wish.nodes is None:
        after, extra = _switch_all(serving, records, wish, reports, clock)
    else:
        after, extra = _switch_some(serving, record, records, wish, reports, clock)
    if replace(after, failed=serving.failed) == replace(serving, switched=after.switched):
        who = "All nodes" if wish.nodes is None else fold(wish.nodes)
        return Decision(state, (f"{who} of {wish.name} boot {wish.version} already.",))
    new = state.with_recipe(wish.name, after)
    return Decision(new, (*describe(state, new, records), *extra))


def _refuse_second_trial(name: str, serving: Serving) -> None:
    trial = serving.trial
    if trial:
        raise RefusedError(
            f"{fold(trial.nodes)} of {name} has {trial.version} on trial until {wall_time(trial.deadline)}",
            resolution=f"End the trial first:\n  nfsroot-site confirm {name}\n  nfsroot-site rollback {name}",
        )


def _switch_all(
    serving: Serving, records: Records, wish: Switch, reports: Mapping[str, Report], clock: Clock
) -> tuple[Serving, tuple[str, ...]]:
    now = nodes_of(records, wish.name, serving)
    new = set(node_names(records[wish.name][wish.version]))
    tried = tuple(node for node in now if node in new and serving.version_of(node) != wish.version)
    if wish.confirm and not now:
        extra: tuple[str, ...] = ("There is no version to go back to: the first one is not on trial.",)
    elif wish.confirm and tried:
        trial = trials.begin(wish.name, wish.version, tried, wish.confirm, True, reports, clock)
        return replace(serving, trial=trial), (*_name_newcomers(wish, now), trials.deadline_words(trial, serving))
    else:
        extra = ()
    return replace(trials.serve_all(serving, wish.version, clock), failed=""), extra


def _name_newcomers(wish: Switch, now: tuple[str, ...]) -> tuple[str, ...]:
    return (f"Settings of the servers stay those of now until {fold(now)} reported {wish.version}.",)


def _switch_some(
    serving: Serving, record: Record, records: Records, wish: Switch, reports: Mapping[str, Report], clock: Clock
) -> tuple[Serving, tuple[str, ...]]:
    nodes = wish.nodes or ()
    require_own_trees(record, nodes)
    if not serving.version:
        raise RefusedError(
            f"no version of {wish.name} serves all nodes yet, and the servers take their settings from that version",
            resolution=f"Switch all nodes to a version first:\n  nfsroot-site switch {wish.name} {wish.version}",
        )
    _require_nodes(nodes, nodes_of(records, wish.name, serving), f"{wish.name} {serving.version}, which others boot")
    _require_nodes(nodes, node_names(record), f"{wish.name} {wish.version}")
    tried = tuple(node for node in nodes if serving.version_of(node) != wish.version)
    if not wish.confirm or not tried:
        return replace(trials.place(serving, tried, wish.version), failed=_failed(serving, wish)), ()
    trial = trials.begin(wish.name, wish.version, tried, wish.confirm, False, reports, clock)
    return replace(serving, trial=trial), (trials.deadline_words(trial, serving),)


def _failed(serving: Serving, wish: Switch) -> str:
    return "" if serving.failed == wish.version else serving.failed


def _require_nodes(nodes: tuple[str, ...], known: tuple[str, ...], whose: str) -> None:
    strangers = [node for node in nodes if node not in known]
    if strangers:
        raise InputError(
            f"the cluster of {whose}, has no node {fold(strangers)}", resolution=f"Its nodes are {fold(known)}."
        )
