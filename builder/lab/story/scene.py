"""The model of a story: scenes, each with its steps and with the claims that must hold after them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from builder.lab.checks.model import Finding

AnyStory = TypeVar("AnyStory")

Findings = Iterator[tuple[str, Finding]]
"""Names of claims, with a finding on each; a claim may come again, for another node."""


@dataclass(frozen=True)
class Claim:
    """A claim that must hold in a scene; `holds` is the claim in a sentence."""

    name: str
    holds: str


@dataclass(frozen=True)
class Scene(Generic[AnyStory]):
    """A part of a story, named `name` and told in one sentence by `title`.

    `does` lists the steps in order: commands as they are typed, with A, B, C for versions, and deeds of nodes.
    `play` takes the steps, and yields its findings on the claims.  `releases` are the letters of the releases that the
    scene brings.
    """

    name: str
    title: str
    does: tuple[str, ...]
    claims: tuple[Claim, ...]
    play: Callable[[AnyStory], Findings]
    releases: tuple[str, ...] = ()


def list_missing_claims(scene: Scene[AnyStory], made: set[str]) -> list[Claim]:
    """The claims of a scene that are not in `made`, the names of claims with a finding."""
    return [claim for claim in scene.claims if claim.name not in made]


def list_needed_releases(scenes: Sequence[Scene[AnyStory]]) -> frozenset[str]:
    """The letters of the releases that scenes bring."""
    return frozenset(letter for scene in scenes for letter in scene.releases)


def describe_scenes(scenes: tuple[Scene[AnyStory], ...]) -> str:
    """The scenes in words, for a person who wants to know them beforehand."""
    parts = []
    for number, scene in enumerate(scenes, 1):
        lines = [f"{number}. {scene.name}: {scene.title}", *(f"     {deed}" for deed in scene.does)]
        lines += [f"   - {claim.name}: {claim.holds}" for claim in scene.claims]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)
