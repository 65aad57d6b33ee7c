"""When a site follows a channel, and when it does not."""

from __future__ import annotations

import re

import pytest

from builder.site.state import Serving, Trial
from builder.site.sync import follow

TRIAL = Trial("1.1", ("ssi1", "ssi2"), 1_700_000_900, "boot-a", 5900.0)


@pytest.mark.parametrize("serving", [Serving(), Serving("1.0"), Serving("1.0", failed="0.9"), Serving("1.2", "1.1")])
def test_another_version_is_followed(serving: Serving) -> None:
    """Also the first one, an older one, and one after a version that failed."""
    assert follow("debian", serving, "1.1").switch


@pytest.mark.parametrize(
    ("serving", "words"),
    [
        (Serving("1.1", "1.0"), "all is current: 1.1"),
        (Serving("1.0", trial=TRIAL), r"ssi\[1-2\] has 1.1 on trial until .*: nothing else now"),
        (Serving("1.1", trial=TRIAL), "on trial until"),
        (Serving("1.0", failed="1.1"), "1.1 was given up here, and is not tried again until"),
    ],
)
def test_why_nothing_is_done(serving: Serving, words: str) -> None:
    """All is current, a trial is under way, or the version was given up."""
    following = follow("debian", serving, "1.1")
    assert not following.switch
    assert re.search(words, following.words)
