"""Findings that several scenes need: what nodes boot next, what they run from, and whether they keep their keys."""

from __future__ import annotations

from collections.abc import Sequence

from builder.lab.checks.model import Finding
from builder.lab.story.actors import Actors
from builder.lab.story.player import Player


def boot_next(actors: Actors, players: Sequence[Player], letter: str) -> Finding:
    """Whether the first entry of each node's menu loads the kernel of a release."""
    version = actors.version(letter)
    lines = {player.node.name: actors.first_kernel(player.node.name) for player in players}
    wrong = [f"{name}: {line or 'no kernel'}" for name, line in lines.items() if f"/{version}/" not in line]
    return Finding(f"{', '.join(lines)} boot {version}", tuple(wrong))


def run_from(actors: Actors, players: Sequence[Player], letter: str) -> Finding:
    """Whether nodes run from the root of a release, and systemd's state on them is `running`."""
    wrong = [f"{player.node.name}: {each}" for player in players for each in _problems(player, actors.root(letter))]
    return Finding(f"{names(players)} from {actors.root(letter)}", tuple(wrong))


def keep_host_keys(actors: Actors, players: Sequence[Player]) -> Finding:
    """Whether nodes have the ssh host keys that they had in the first scenes."""
    wrong = []
    for player in players:
        before, keys = actors.host_keys[player.node.name], player.host_keys()
        wrong += [] if keys == before else [f"{player.node.name}: {before} became {keys}"]
    return Finding(f"those of {names(players)} are as before", tuple(wrong))


def names(players: Sequence[Player]) -> str:
    """The nodes' names, with commas."""
    return ", ".join(player.node.name for player in players)


def _problems(player: Player, root: str) -> list[str]:
    mounted = player.runs_from().split()
    sources = [source.partition(":")[2] for source in mounted]
    problems = [] if root in sources else [f"it has mounted {', '.join(mounted) or 'nothing'}, not {root}"]
    state = player.running.ask("systemctl is-system-running").text
    return problems + ([] if state == "running" else [f"systemd is {state}"])
