"""The Debian package's changelog (deb-changelog(5)), made from CHANGELOG.md."""

from __future__ import annotations

import re
import textwrap
from datetime import UTC, datetime
from email.utils import format_datetime

WIDTH = 76
HEADING = re.compile(r"^## \[?([^\]\s]+)", re.MULTILINE)
ITEM = re.compile(r"^- (.*(?:\n  .*)*)", re.MULTILINE)


def changelog(package: str, version: str, maintainer: str, text: str, epoch: int) -> str:
    """The entry of a version in the changelog, made from `text`, the text of CHANGELOG.md.

    `epoch` is the time of the entry in seconds since 1970.  A version that CHANGELOG.md does not have yet is the one
    that it calls Unreleased.
    """
    section = sections(text).get(version) or sections(text)["Unreleased"]
    items = [" ".join(item.split()) for item in ITEM.findall(section)]
    written = "\n".join(
        textwrap.fill(item, WIDTH, initial_indent="  * ", subsequent_indent="    ", break_long_words=False)
        for item in items
    )
    date = format_datetime(datetime.fromtimestamp(epoch, UTC))
    return f"{package} ({version}) unstable; urgency=medium\n\n{written}\n\n -- {maintainer}  {date}\n"


def sections(text: str) -> dict[str, str]:
    """The sections of CHANGELOG.md by the versions in their headings."""
    _, *parts = HEADING.split(text)
    return dict(zip(parts[::2], parts[1::2], strict=True))
