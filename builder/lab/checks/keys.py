"""The fingerprints of ssh's public keys (sshd(8), "AUTHORIZED_KEYS FILE FORMAT")."""

from __future__ import annotations

import base64
import hashlib
import re

_BLOB = re.compile(r"AAAA[A-Za-z0-9+/]+=*")
"""A key's data in base64; it begins with the length of its type's name."""


def fingerprint(line: str) -> str:
    """Compute the fingerprint of the key in `line`, as ssh-keygen(1) writes it."""
    found = _BLOB.search(line)
    assert found is not None, "recipes and ssh-keyscan give keys only"
    digest = hashlib.sha256(base64.b64decode(found[0])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
