"""Failures of apt in the user's terms."""

from __future__ import annotations

import pytest

from builder.container.mirror import explain
from builder.process import CommandError
from builder.recipe.models import Debian


def failed(line: str) -> CommandError:
    """The failure of mmdebstrap after it wrote a line."""
    return CommandError("mmdebstrap", ["mmdebstrap"], 25, [line])


@pytest.mark.parametrize(
    "line",
    [
        "E: Failed to fetch http://mirror.example/x  Temporary failure resolving 'mirror.example'",
        "  Could not connect to mirror.example:80 (192.0.2.1), connection timed out",
        "  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)",
        "  Cannot initiate the connection (101: Network is unreachable)",
    ],
)
def test_no_network(line: str) -> None:
    """A mirror that cannot be reached is said to be that, with apt's own words and what to check."""
    explained = explain(failed(line), Debian(mirror="http://mirror.example/debian"))
    assert explained.brief == "http://mirror.example/debian cannot be reached"
    assert line.strip() in explained.details
    assert "proxy" in explained.resolution


@pytest.mark.parametrize(
    "line",
    [
        "E: Failed to fetch http://mirror.example/x.deb  404  Not Found [IP: 192.0.2.1 80]",
        "E: The repository 'http://mirror.example/debian trixie Release' does not have a Release file.",
    ],
)
def test_mirror_without_the_suite(line: str) -> None:
    """A 404 names the suite, and the default mirror when the recipe names none."""
    explained = explain(failed(line), Debian())
    assert explained.brief.startswith("the default mirror does not have what was asked of it for Debian trixie")
    assert "--refresh" in explained.resolution


def test_other_failures_stay_what_they_are() -> None:
    """A failure that has nothing to do with the mirror is not explained away."""
    error = failed("dpkg: error processing package x")
    assert explain(error, Debian()) is error
