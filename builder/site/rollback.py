"""Decides the versions that nodes boot after a rollback."""

from __future__ import annotations

from dataclasses import replace

from builder.errors import InputError
from builder.site import trial as trials
from builder.site.changes import describe
from builder.site.clock import Clock
from builder.site.decision import Decision
from builder.site.errors import RefusedError
from builder.site.nodes import fold
from builder.site.selection import Records, find_release, nodes_of, require_own_trees
from builder.site.state import Serving, SiteState


def roll_back(
    state: SiteState, records: Records, name: str, nodes: tuple[str, ...] | None, to: str, clock: Clock
) -> Decision:
    """The state of a site after a rollback of a recipe's nodes.

    Nodes on trial, and nodes that boot a version of their own, go back to the version of the others.  When there are no
    such nodes, all nodes go back to the version before.  With `to`, nodes go to that version instead.

    :raises InputError: a version is not unpacked, or a node is not in the cluster.
    :raises RefusedError: there is no version to go back to; some nodes cannot boot a version of their own.
    """
    serving = state.of(name)
    if not serving.version:
        raise RefusedError(f"nobody switched {name} to a version: there is nothing to go back from")
    after = _all(serving, records, name, to, clock) if nodes is None else _some(serving, records, name, nodes, to)
    new = state.with_recipe(name, after)
    return Decision(new, describe(state, new, records) or (f"The nodes of {name} boot that already.",))


def _all(serving: Serving, records: Records, name: str, to: str, clock: Clock) -> Serving:
    if not to and (serving.trial or serving.nodes):
        given_up = serving.trial.version if serving.trial else next(iter(serving.nodes.values()))
        return replace(serving, nodes={}, trial=None, failed=given_up)
    target = to or _before(serving, name)
    find_release(records, name, target)
    failed = serving.version if target != serving.version else serving.failed
    return replace(trials.serve_all(serving, target, clock), trial=None, failed=failed)


def _some(serving: Serving, records: Records, name: str, nodes: tuple[str, ...], to: str) -> Serving:
    strangers = [node for node in nodes if node not in nodes_of(records, name, serving)]
    if strangers:
        raise InputError(f"the cluster of {name} has no node {fold(strangers)}")
    require_own_trees(find_release(records, name, serving.version), nodes)
    without_trial = _leave_trial(serving, nodes)
    if to:
        require_own_trees(find_release(records, name, to), nodes)
        return trials.place(without_trial, nodes, to)
    ordinary = tuple(node for node in nodes if serving.version_of(node) == serving.version)
    canaries = tuple(
        node for node in nodes if node not in ordinary and without_trial.version_of(node) == serving.version_of(node)
    )
    after = trials.place(without_trial, canaries, serving.version)
    if ordinary:
        require_own_trees(find_release(records, name, _before(serving, name)), ordinary)
        after = trials.place(after, ordinary, serving.before)
    return after


def _leave_trial(serving: Serving, nodes: tuple[str, ...]) -> Serving:
    """The versions of nodes when some of them leave their trial.

    The other nodes stay on trial, and at its end no more nodes get its version.
    """
    trial = serving.trial
    if not trial or not set(nodes) & set(trial.nodes):
        return serving
    left = tuple(node for node in trial.nodes if node not in nodes)
    confirmed = tuple(node for node in trial.confirmed if node in left)
    rest = replace(trial, nodes=left, confirmed=confirmed, everywhere=False) if left else None
    return replace(serving, trial=rest)


def _before(serving: Serving, name: str) -> str:
    if not serving.before:
        raise RefusedError(
            f"no version of {name} was booted before {serving.version}", resolution="Name one with --to VERSION."
        )
    return serving.before
