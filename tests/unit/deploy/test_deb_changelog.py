"""The Debian package's changelog."""

from __future__ import annotations

from changelog import changelog

TEXT = """# Changelog

## Unreleased

### Added

- Wider nodes, of which a long sentence tells so much that it fills a line of the file, and
  half of another one.

## 0.1.0

### Fixed

- A small thing.
"""


def test_released_version_has_its_own_section() -> None:
    """The entry of a version holds the items below its heading."""
    assert changelog("nfsroot-site", "0.1.0", "Ann <ann@site.example>", TEXT, 1_795_946_451) == (
        "nfsroot-site (0.1.0) unstable; urgency=medium\n"
        "\n"
        "  * A small thing.\n"
        "\n"
        " -- Ann <ann@site.example>  Sun, 29 Nov 2026 10:00:51 +0000\n"
    )


def test_unreleased_version() -> None:
    """The entry of a version without a heading holds what is unreleased, in lines of a terminal's width."""
    lines = changelog("nfsroot-site", "0.2.0", "Ann <ann@site.example>", TEXT, 0).splitlines()
    assert lines[2:4] == [
        "  * Wider nodes, of which a long sentence tells so much that it fills a line",
        "    of the file, and half of another one.",
    ]
