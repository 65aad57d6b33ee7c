"""The common parts of both forms of SBOM: JSON, times, and identifiers that follow from the content."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from builder.errors import InputError


def encode_json(document: Mapping[str, Any]) -> bytes:
    """The document as UTF-8 text, the same bytes for the same document: each package, and each relation, on one line.

    Python writes JSON in C when it is to be on one line, and takes ten times as long for indented JSON.
    """
    fields = (f"{_on_one_line(key)}: {_on_lines(value)}" for key, value in document.items())
    return ("{\n" + ",\n".join(fields) + "\n}\n").encode(errors="replace")


def _on_lines(value: Any) -> str:
    """A value, each element of a list on a line of its own."""
    if not isinstance(value, list) or not value:
        return _on_one_line(value)
    return "[\n" + ",\n".join(map(_on_one_line, value)) + "\n]"


def _on_one_line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def derive_uuid(content: bytes) -> uuid.UUID:
    """The UUID of a content (RFC 9562, version 8), with bits of the content's SHA-256."""
    digest = bytearray(hashlib.sha256(content).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return uuid.UUID(bytes=bytes(digest))


def format_time(seconds: int) -> str:
    """A time in seconds since 1970 (UTC) in the form of RFC 3339.

    :raises InputError: no calendar has the time.
    """
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(f"the manifest's source_date is {seconds}, which is no time") from error
