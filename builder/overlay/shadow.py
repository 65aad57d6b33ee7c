"""Root's password in the tree's /etc/shadow (shadow(5))."""

from __future__ import annotations

from builder.errors import NfsrootError

LOCKED = "*"


def with_root_password(shadow: str, password_hash: str | None) -> str:
    """The text `shadow` with `password_hash` (crypt(5)) as root's password; without a hash, with root locked."""
    lines = shadow.splitlines()
    if not any(line.startswith("root:") for line in lines):
        raise NfsrootError("the tree's /etc/shadow has no line for root")
    return "".join(f"{_with_password(line, password_hash or LOCKED)}\n" for line in lines)


def _with_password(line: str, password: str) -> str:
    name, _, *rest = line.split(":")
    return ":".join((name, password, *rest)) if name == "root" else line
