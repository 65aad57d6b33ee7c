"""Makes text from a release safe to show: no character moves a cursor or turns the direction of writing."""

from __future__ import annotations


def escape_unprintable(text: str) -> str:
    r"""The text with an escape (`\\x1b`) in the place of each character that is not printable (str.isprintable())."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign == "\t" else _escape(sign) for sign in text)


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape", "backslashreplace").decode()
