"""The decision of a verb: a new state of the site, and sentences about it."""

from __future__ import annotations

from dataclasses import dataclass

from builder.site.state import SiteState


@dataclass(frozen=True)
class Decision:
    """The state that a verb decided on, and sentences for the person who called it.

    `words` say what happens, `warnings` what went wrong: a verb with warnings ends with exit status 1.
    """

    state: SiteState
    words: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
