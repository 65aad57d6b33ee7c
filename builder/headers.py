"""The comment at the top of files that nfsroot makes for a release.  It tells people where a file comes from."""

from __future__ import annotations

MARK = "ade by nfsroot"
"""A text that every header contains."""


def release_header(tool: str, recipe: str, name: str, version: str) -> str:
    """The comment at the top of a file of one release: the version of nfsroot, the recipe's file, and the release."""
    return (
        f"# Made by nfsroot {tool} from {recipe}, release {name} {version}.\n"
        "# Generated: change the recipe, not this file."
    )
