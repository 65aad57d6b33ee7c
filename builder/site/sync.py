"""Decides whether a site follows a channel to another version now."""

from __future__ import annotations

from dataclasses import dataclass

from builder.site.clock import wall_time
from builder.site.nodes import fold
from builder.site.state import Serving


@dataclass(frozen=True)
class Following:
    """Whether nodes are to get the channel's version now, and the reason why not."""

    switch: bool
    words: str = ""


def follow(name: str, serving: Serving, version: str) -> Following:
    """Whether the nodes of a recipe are to get the version that a channel names.

    Nodes do not get it while a trial is under way, nor when somebody gave the version up: its trial failed, or nodes
    went back from it.  Then the site waits until the channel names another version.
    """
    trial = serving.trial
    if serving.version == version and not trial:
        return Following(False, f"{name}: all is current: {version}.")
    if trial:
        until = f"until {wall_time(trial.deadline)}"
        return Following(False, f"{name}: {fold(trial.nodes)} has {trial.version} on trial {until}: nothing else now.")
    if serving.failed == version:
        return Following(
            False,
            f"{name}: {version} was given up here, and is not tried again until the channel names another version.  "
            f"By hand: nfsroot-site switch {name} {version}",
        )
    return Following(True)
