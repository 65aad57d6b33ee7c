"""The names of a release's own files, and the words for the lab's verdict on a release.

A publisher needs these names alone: the models of `builder.release.manifest` take longer to import than it takes to
publish a small release.
"""

from __future__ import annotations

from enum import StrEnum

FILE = "manifest.json"
SUMS = "SHA256SUMS"
DPKG_DATA = "dpkg.tar.zst"
"""The file with dpkg's data of the release's tree, a copy of the tree's own (builder.tree.build)."""


class Lab(StrEnum):
    """The lab's verdict on a release: the result of booting it."""

    NONE = "none"
    PASSED = "passed"
    FAILED = "failed"
