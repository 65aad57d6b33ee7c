"""Decides the state of a site after a recipe is removed."""

from __future__ import annotations

from builder.site.changes import describe
from builder.site.decision import Decision
from builder.site.errors import RefusedError
from builder.site.retention import Knowledge, describe_sighting
from builder.site.selection import Records, versions_of
from builder.site.sightings import REPORTED
from builder.site.state import SiteState

RECENT = 1800
"""Seconds for which a node counts as running after a report: nodes report every ten minutes."""


def take_away(state: SiteState, records: Records, name: str, known: Knowledge, *, force: bool) -> Decision:
    """The state of the site without a recipe.

    :raises InputError: no release of the recipe is unpacked.
    :raises RefusedError: nodes run a release of the recipe, and `force` is false.
    """
    versions = versions_of(records, name)
    uses = _uses(name, known)
    if uses and not force:
        raise RefusedError(
            f"nodes run {name}, and would lose their root",
            details="\n".join(f"  {use}" for use in uses),
            resolution=f"Shut them down. A node counts as running for {RECENT // 60} minutes after its last report; "
            f"with nodes that are down:\n  nfsroot-site remove {name} --force",
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
    """A sentence for each node that runs a release of a recipe: by a recent report, or by traces, which do not end."""
    since = known.clock.now - RECENT
    return [
        describe_sighting(node, seen)
        for node, seen in known.sightings.items()
        if seen.name == name and (seen.evidence != REPORTED or (seen.seen or 0) > since)
    ]
