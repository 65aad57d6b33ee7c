"""The model of a story: scenes with steps, and the claims that must hold after the steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from builder.lab.checks.model import Finding

AnyStory = TypeVar("AnyStory")

Findings = Iterator[tuple[str, Finding]]
"""The names of claims, each with a finding; a claim may have several findings, for several nodes."""


@dataclass(frozen=True)
class Claim:
    """A claim that must hold in a scene; `holds` states the claim in a sentence."""

    name: str
    holds: str


@dataclass(frozen=True)
class Scene(Generic[AnyStory]):
    """A part of a story; `title` describes it in one sentence.

    `does` lists the steps in order: commands as they are typed, with A, B, C for versions, and actions of nodes.
    `play` takes the steps, and yields findings on the claims.  `releases` are the letters of the releases that the
    scene needs first.
    """

    name: str
    title: str
    does: tuple[str, ...]
    claims: tuple[Claim, ...]
    play: Callable[[AnyStory], Findings]
    releases: tuple[str, ...] = ()


def list_missing_claims(scene: Scene[AnyStory], made: set[str]) -> list[Claim]:
    """List the claims of a scene without a finding; `made` has the names of those with one."""
    return [claim for claim in scene.claims if claim.name not in made]


def list_needed_releases(scenes: Sequence[Scene[AnyStory]]) -> frozenset[str]:
    """List the letters of the releases that scenes need."""
    return frozenset(letter for scene in scenes for letter in scene.releases)


def describe_scenes(scenes: tuple[Scene[AnyStory], ...]) -> str:
    """Describe scenes for a user, with their steps and claims."""
    parts = []
    for number, scene in enumerate(scenes, 1):
        lines = [f"{number}. {scene.name}: {scene.title}", *(f"     {deed}" for deed in scene.does)]
        lines += [f"   - {claim.name}: {claim.holds}" for claim in scene.claims]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)
