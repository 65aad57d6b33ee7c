"""What came of booting a release's first node."""

from __future__ import annotations

from dataclasses import dataclass

from builder.lab.phases import Phase
from builder.lab.probe import NodeState
from builder.lab.release import Release
from builder.recipe.models import Access

NODE = "ssi1"
SYSTEM_DIRECTORIES = ("/etc", "/usr")
"""Directories that a node may write to only when its whole root is read-write."""


@dataclass(frozen=True)
class Boot:
    """A release, what its node says of itself, and how many seconds each phase took."""

    release: Release
    state: NodeState
    seconds: dict[Phase, float]

    @property
    def writable(self) -> set[str]:
        """The directories that a node of the release may write to, of those that were tried."""
        root = self.release.recipe.root
        own = {directory.path for directory in root.writable}
        return own | set(SYSTEM_DIRECTORIES) if root.access is Access.READ_WRITE else own
