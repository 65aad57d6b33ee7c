"""Decides the state that takes back the last change of the versions that nodes boot."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from builder.site.changes import describe
from builder.site.clock import wall_time
from builder.site.decision import Decision
from builder.site.errors import RefusedError
from builder.site.journal import Entry
from builder.site.selection import Records
from builder.site.state import SiteState

VERB = "undo"
CONFIRM = "confirm"


def undo(entries: Sequence[Entry], state: SiteState, records: Records) -> Decision:
    """The state without the last change that has not been undone yet; other changes of other recipes stay.

    :raises RefusedError: there is no change, or nodes would boot a release that is not unpacked any more.
    """
    entry = find_last_change(entries)
    if entry is None:
        raise RefusedError("no change of what nodes boot is left to undo", resolution="See `nfsroot-site log`.")
    after = state
    for name in {*entry.before.recipes, *entry.after.recipes}:
        if entry.before.of(name) != entry.after.of(name):
            is_new = name not in entry.before.recipes
            after = after.without_recipe(name) if is_new else after.with_recipe(name, entry.before.of(name))
    _require_unpacked(after, records, entry)
    told = f"Takes back change {entry.number} of {wall_time(entry.begun)} by {entry.user}: {shlex.join(entry.command)}"
    return Decision(after, (told, *describe(state, after, records)))


def find_last_change(entries: Sequence[Entry]) -> Entry | None:
    """The last change of the versions that nodes boot, but for those that were undone; None where there is none.

    A change that confirms or ends a trial is part of the switch that began the trial.
    """
    standing: list[Entry] = []
    for entry in entries:
        if entry.ended is None or entry.before == entry.after or entry.command[:1] == (CONFIRM,):
            continue
        if entry.command[:1] == (VERB,):
            standing = standing[:-1]
        else:
            standing.append(entry)
    return standing[-1] if standing else None


def _require_unpacked(state: SiteState, records: Records, entry: Entry) -> None:
    for name, serving in state.recipes.items():
        named = {serving.version, *serving.nodes.values(), *((serving.trial.version,) if serving.trial else ())}
        missing = sorted(named - {""} - set(records.get(name, {})))
        if missing:
            raise RefusedError(
                f"change {entry.number} ({shlex.join(entry.command)}) cannot be undone: "
                f"{name} {', '.join(missing)} is not unpacked any more",
                resolution=f"Unpack it again:\n  nfsroot-site unpack {name}@{missing[0]}",
            )
