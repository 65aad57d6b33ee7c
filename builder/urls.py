"""URLs without the users and passwords in them, for logs and messages."""

from __future__ import annotations

import re

USER = re.compile(r"(?<=://)[^/\s'\"]*@")
"""A user, often with a password, before the host of a URL (RFC 3986 section 3.2.1)."""


def without_users(text: str) -> str:
    """The text without the users and passwords in its URLs."""
    return USER.sub("", text)
