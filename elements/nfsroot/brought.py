"""The secrets that elements bring on purpose: paths that an element.toml names under `secrets`."""

from __future__ import annotations

from pathlib import Path

SECRETS = Path("/input/secrets")


def read_brought() -> list[str]:
    """The paths of the secrets that elements bring, relative to the tree."""
    return [path.strip("/") for path in SECRETS.read_text("utf-8").splitlines()]


def is_brought(path: str, brought: list[str]) -> bool:
    """Whether an element brings `path`, or a directory above it."""
    return any(path == each or path.startswith(f"{each}/") for each in brought)
