"""Values of a recipe that are secrets: whatever is printed or published has their digests in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

SECRET = re.compile(r"PASS(?:WORD|WD|PHRASE)?(?:_|$)|SECRET|TOKEN|CREDENTIAL|PRIVATE|API_?KEY", re.IGNORECASE)
"""The parts of a variable's name that mark its value as a secret."""


def hash_secret(value: str) -> str:
    """The digest of a secret, which shows whether the secret changed, and nothing else."""
    return f"sha256:{sha256(value.encode()).hexdigest()}"


def hide_secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of variables by name, with digests in place of secrets."""
    return {name: hash_secret(str(value)) if SECRET.search(name) else value for name, value in values.items()}
