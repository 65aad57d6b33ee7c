"""Trials: nodes boot a version, and a node that does not report that it runs the version gets the earlier one back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from builder.errors import InputError
from builder.site.changes import describe_settings
from builder.site.clock import Clock, wall_time
from builder.site.decision import Decision
from builder.site.nodes import fold
from builder.site.reports import Report
from builder.site.selection import Records
from builder.site.state import Serving, SiteState, Trial

LONGEST_BOOT = 600
"""Seconds within which a node on trial has to reach boot-complete.target, or it starts anew; a short trial has less."""

Reported = Mapping[str, Report]
"""The last report of each node."""


def begin(
    name: str, version: str, nodes: tuple[str, ...], seconds: int, everywhere: bool, reports: Reported, clock: Clock
) -> Trial:
    """A trial that begins now."""
    return Trial(
        version=version,
        nodes=nodes,
        deadline=int(clock.now) + seconds,
        boot_id=clock.boot_id,
        uptime=clock.uptime + seconds,
        seconds=seconds,
        earlier_boots=tuple(sorted(reports[node].boot_id for node in _running(name, version, nodes, reports))),
        everywhere=everywhere,
    )


def boot_limit(trial: Trial) -> int:
    """The seconds within which a node on trial has to boot."""
    return min(trial.seconds, LONGEST_BOOT)


def anchor(trial: Trial, clock: Clock) -> Trial:
    """The trial with its deadline counted since the server's last boot.

    After a boot nothing but the wall clock says how much time has gone, and that clock may be wrong: the time that is
    left is never longer than the whole trial.
    """
    if trial.boot_id == clock.boot_id:
        return trial
    left = min(max(trial.deadline - clock.now, 0), trial.seconds)
    return replace(trial, boot_id=clock.boot_id, uptime=clock.uptime + left)


def settle(state: SiteState, records: Records, reports: Mapping[str, Reported], clock: Clock) -> Decision:
    """Confirm nodes that reported, and end trials that all nodes passed or whose deadline has come.

    `reports` has the reports of each recipe's nodes.
    """
    before, words, warnings = state, list[str](), list[str]()
    for name, serving in state.recipes.items():
        if serving.trial:
            settled = _settle(name, serving, serving.trial, reports.get(name, {}), clock)
            state = state.with_recipe(name, settled)
            ended = conclude(name, settled, _is_shared(records, name, serving.trial.version), clock)
            words.extend(_name_confirmed(name, serving.trial, settled, reports.get(name, {})))
            if ended:
                state = state.with_recipe(name, ended.state.of(name))
                words.extend(ended.words)
                warnings.extend(ended.warnings)
    return Decision(state, (*words, *describe_settings(before, state, records)), tuple(warnings))


def confirm(state: SiteState, records: Records, name: str, nodes: tuple[str, ...] | None, clock: Clock) -> Decision:
    """Confirm nodes on trial, or all of them, without their reports.

    :raises InputError: there is no trial, or a node is not on trial.
    """
    serving = state.of(name)
    if not serving.trial:
        raise InputError(f"no node of {name} is on trial", resolution="`nfsroot-site status` shows what nodes boot.")
    strangers = [node for node in nodes or () if node not in serving.trial.nodes]
    if strangers:
        raise InputError(
            f"{fold(strangers)} of {name} is not on trial", resolution=f"On trial is {fold(serving.trial.nodes)}."
        )
    confirmed = _with_confirmed(serving.trial, serving.trial.nodes if nodes is None else nodes)
    words = (f"{name}: {fold(nodes or serving.trial.nodes)} confirmed: {serving.trial.version} stays.",)
    now = replace(serving, trial=confirmed)
    if len(confirmed.confirmed) == len(confirmed.nodes):
        now = succeed(now, confirmed, clock)
    after = state.with_recipe(name, now)
    return Decision(after, (*words, *describe_settings(state, after, records)))


def conclude(name: str, serving: Serving, is_shared: bool, clock: Clock) -> Decision | None:
    """The decision that ends a recipe's trial; None where there is none, or its end has not come.

    `is_shared` says that all nodes write to one root.
    """
    trial = serving.trial
    if not trial:
        return None
    missing = tuple(node for node in trial.nodes if node not in trial.confirmed)
    if not missing:
        return _only(name, succeed(serving, trial, clock), f"{name}: the trial of {trial.version} is over: it stays.")
    if clock.uptime < trial.uptime:
        return None
    stays = () if is_shared else trial.confirmed
    ended = place(replace(serving, trial=None, failed=trial.version), stays, trial.version)
    return replace(_only(name, ended), warnings=tuple(_name_missing(name, trial, missing, ended, is_shared)))


def succeed(serving: Serving, trial: Trial, clock: Clock) -> Serving:
    """The versions of nodes after a trial that all of its nodes passed."""
    ended = replace(serving, trial=None, failed="")
    if trial.everywhere:
        return serve_all(ended, trial.version, clock)
    return place(ended, trial.nodes, trial.version)


def serve_all(serving: Serving, version: str, clock: Clock) -> Serving:
    """The versions of nodes when all of them get one version, and the current one becomes the one before."""
    before = serving.before if version == serving.version else serving.version
    return replace(serving, version=version, before=before, nodes={}, switched=int(clock.now))


def place(serving: Serving, nodes: Collection[str], version: str) -> Serving:
    """The versions of nodes when some of them get a version, and the others keep theirs."""
    others = {node: now for node, now in serving.nodes.items() if node not in nodes}
    own = {} if version == serving.version else dict.fromkeys(nodes, version)
    return replace(serving, nodes={**others, **own})


def _only(name: str, serving: Serving, *words: str) -> Decision:
    return Decision(SiteState({name: serving}), words)


def _settle(name: str, serving: Serving, trial: Trial, reports: Reported, clock: Clock) -> Serving:
    running = _running(name, trial.version, trial.nodes, reports)
    proved = tuple(node for node in running if reports[node].boot_id not in trial.earlier_boots)
    return replace(serving, trial=_with_confirmed(anchor(trial, clock), proved))


def _with_confirmed(trial: Trial, nodes: Collection[str]) -> Trial:
    confirmed = tuple(node for node in trial.nodes if node in nodes or node in trial.confirmed)
    return replace(trial, confirmed=confirmed)


def _running(name: str, version: str, nodes: Collection[str], reports: Reported) -> tuple[str, ...]:
    """The nodes whose last report says that they run a release."""
    found = {node: reports[node] for node in nodes if node in reports}
    return tuple(node for node, report in found.items() if (report.release, report.version) == (name, version))


def _is_shared(records: Records, name: str, version: str) -> bool:
    record = records.get(name, {}).get(version)
    return record is not None and record.settings.root.access == "rw"


def _name_confirmed(name: str, before: Trial, after: Serving, reports: Reported) -> Iterator[str]:
    confirmed = after.trial.confirmed if after.trial else ()
    new = [node for node in confirmed if node not in before.confirmed]
    if new:
        yield f"{name}: {fold(new)} reported and runs {before.version}: confirmed."
    for node in new:
        if reports[node].failed:
            yield f"{name}: on {node} failed {', '.join(reports[node].failed)}."


def _name_missing(name: str, trial: Trial, missing: tuple[str, ...], ended: Serving, is_shared: bool) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for node in trial.nodes if is_shared else missing:
        groups.setdefault(ended.version_of(node), []).append(node)
    yield (
        f"{name}: {fold(missing)} did not report {trial.version} in {trial.seconds} s: "
        + "; ".join(f"{fold(nodes)} boots {version} again" for version, nodes in groups.items())
        + "."
    )
    if is_shared and trial.confirmed:
        yield f"{name}: {fold(trial.confirmed)} reported, and goes back as well, for all nodes write to one root."
    elif trial.confirmed:
        yield f"{name}: {fold(trial.confirmed)} reported and keeps {trial.version}."


def deadline_words(trial: Trial, serving: Serving) -> str:
    """A sentence about what happens at the deadline of a trial that begins."""
    versions = sorted({serving.version_without_trial(node) for node in trial.nodes})
    return (
        f"Nodes on trial that have not reported by {wall_time(trial.deadline)} get {' or '.join(versions)} back: "
        "start them anew before that."
    )
