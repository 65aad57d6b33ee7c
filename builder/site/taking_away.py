"""Decides what becomes of a site when a recipe is taken off it."""

from __future__ import annotations

from builder.site.changes import describe
from builder.site.clock import wall_time
from builder.site.decision import Decision
from builder.site.errors import RefusedError
from builder.site.retention import Knowledge
from builder.site.selection import Records, versions_of
from builder.site.state import SiteState

RECENT = 1800
"""Seconds for which a report says that a node runs: nodes report every ten minutes."""


def take_away(state: SiteState, records: Records, name: str, known: Knowledge, *, force: bool) -> Decision:
    """The site without a recipe.

    :raises InputError: none of its releases is unpacked.
    :raises RefusedError: nodes run one of them; `force` takes it away nevertheless.
    """
    versions = versions_of(records, name)
    uses = _uses(name, known)
    if uses and not force:
        raise RefusedError(
            f"nodes run {name}, and would lose their root",
            details="\n".join(f"  {use}" for use in uses),
            resolution=f"Shut them down first, or:\n  nfsroot-site remove {name} --force",
        )
    after = state.without_recipe(name)
    places = sorted({record.settings.root.state for record in versions.values()} - {""})
    return Decision(
        after,
        (
            *describe(state, after, records),
            *(f"{name}: release {version} and its files go." for version in versions),
            *(f"{name}: what its nodes keep stays in {place}." for place in places),
        ),
    )


def _uses(name: str, known: Knowledge) -> list[str]:
    since = known.clock.now - RECENT
    reported = [
        f"{node} reported on {wall_time(report.received)} that it runs {report.version}"
        for node, report in known.reports.items()
        if report.release == name and report.received > since
    ]
    return [*reported, *(use for uses in known.mounts.values() for use in uses)]
