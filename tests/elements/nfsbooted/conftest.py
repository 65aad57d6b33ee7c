"""A node for each test of nfsbooted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from node import Node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A node of a read-only root, not booted yet."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    return Node(tmp_path)
