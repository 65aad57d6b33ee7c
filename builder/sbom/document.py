"""What both forms of SBOM have in common: JSON, times, and identifiers that follow from the content."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from builder.errors import InputError


def encode_json(document: Mapping[str, Any]) -> bytes:
    """The document as UTF-8 text, the same bytes for the same document."""
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode(errors="replace")


def derive_uuid(content: bytes) -> uuid.UUID:
    """An identifier of a content (RFC 9562, version 8: its bits are the SHA-256's)."""
    digest = bytearray(hashlib.sha256(content).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return uuid.UUID(bytes=bytes(digest))


def format_time(seconds: int) -> str:
    """A time in seconds since 1970 (UTC) as RFC 3339 has it.

    :raises InputError: no calendar has the time.
    """
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(f"the manifest's source_date is {seconds}, which is no time") from error
