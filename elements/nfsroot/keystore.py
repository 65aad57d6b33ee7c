"""Java's keystore of certificates, with the date at which each was added: this module sets all to one date."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

STORE = "etc/ssl/certs/java/cacerts"
"""The keystore that package ca-certificates-java makes; its certificates are public."""
MAGIC, VERSION = 0xFEEDFEED, 2
CERTIFICATE = 2
"""The tag of an entry with a certificate; entries with another tag hold keys."""
DIGEST = 20
SALT = "changeit".encode("utf-16-be") + b"Mighty Aphrodite"
"""The beginning of the text under the digest: the password that Debian uses, and a phrase (OpenJDK, JavaKeyStore)."""


def set_dates(tree: Path, seconds: int) -> None:
    """Give all certificates of the tree's keystore, if there is one, the date `seconds` (since 1970, UTC)."""
    file = tree / STORE
    if file.is_symlink() or not file.is_file():
        return
    content = bytearray(file.read_bytes())
    magic, version, count = struct.unpack_from(">III", content)
    if (magic, version) != (MAGIC, VERSION):
        return
    position = 12
    for _ in range(count):
        (tag,) = struct.unpack_from(">I", content, position)
        if tag != CERTIFICATE:
            return
        position = after_text(content, position + 4)
        struct.pack_into(">Q", content, position, seconds * 1000)
        position = after_text(content, position + 8)
        (length,) = struct.unpack_from(">I", content, position)
        position += 4 + length
    content[-DIGEST:] = hashlib.sha1(SALT + content[:-DIGEST]).digest()
    file.write_bytes(content)


def after_text(content: bytes, position: int) -> int:
    """The position after a text that begins at `position` with its length (DataOutputStream.writeUTF)."""
    (length,) = struct.unpack_from(">H", content, position)
    return position + 2 + int(length)
