"""The manual page nfsroot-site(8)."""

from __future__ import annotations

import pytest
from manual import manual, roff
from modules import PROJECT

from builder.cli.site import VERBS

TEMPLATE = PROJECT / "deploy/debian/nfsroot-site.8.j2"


@pytest.fixture(scope="module")
def page() -> str:
    """The page of a version."""
    return manual(TEMPLATE, "0.1.0", 1_795_946_451)


def test_every_verb_is_described(page: str) -> None:
    """Each verb has a section, in the order of --help."""
    sections = [line.split()[1] for line in page.splitlines() if line.startswith(".SS ")]
    assert sections == list(VERBS)


def test_options_are_those_of_help(page: str) -> None:
    """An option stands there with its text, and its hyphens can be copied."""
    assert ".B \\-\\-json\nPrint one JSON object a line, with the states.\n" in page


def test_page_is_of_the_time_of_its_version(page: str) -> None:
    """The title has the date and the version."""
    assert '.TH NFSROOT-SITE 8 2026-11-29 "nfsroot 0.1.0" "System Administration"' in page


def test_no_text_becomes_a_macro() -> None:
    """Backslashes, hyphens, and dots and quotes at the beginning of a line are printed as they are."""
    assert roff("a\\b -c\n.TH\n'x'") == "a\\eb \\-c\n\\&.TH\n\\&'x'"
