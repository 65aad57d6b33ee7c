"""What the host must have for a build is said at its start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builder import host
from builder.errors import NfsrootError


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search path with all tools and nothing else, of which a test may take some away; run as root."""
    for tool in host.TOOLS:
        (tmp_path / tool.command).write_text("")
        (tmp_path / tool.command).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def test_nothing_is_missing(tools: Path) -> None:
    """With every tool and as root, a build may start."""
    assert host.missing(host.TOOLS) == []
    host.need_for_build()


def test_root_is_needed(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root a build stops at once and says what needs it."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NfsrootError, match="a build needs root") as caught:
        host.need_for_build()
    assert "sudo" in caught.value.resolution


def test_missing_tool_names_its_package(tools: Path) -> None:
    """A missing tool is told by the package that brings it and the command that installs that."""
    (tools / "bwrap").unlink()
    with pytest.raises(NfsrootError, match="this machine lacks bubblewrap") as caught:
        host.need_for_build()
    assert caught.value.resolution == "apt-get install --no-install-recommends bubblewrap"


def test_all_missing_tools_are_told_together(tools: Path) -> None:
    """One command installs everything that is missing."""
    for tool in host.TOOLS:
        (tools / tool.command).unlink()
    with pytest.raises(NfsrootError) as caught:
        host.need_for_build()
    assert all(tool.package in caught.value.resolution for tool in host.TOOLS)
