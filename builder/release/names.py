"""The names of a release's own files, and the lab's verdict on it in words.

Who publishes a release needs these alone: the models of `builder.release.manifest` take longer to import than it takes
to publish a small release.
"""

from __future__ import annotations

from enum import StrEnum

FILE = "manifest.json"
SUMS = "SHA256SUMS"


class Lab(StrEnum):
    """What came of booting the release in the lab."""

    NONE = "none"
    PASSED = "passed"
    FAILED = "failed"
