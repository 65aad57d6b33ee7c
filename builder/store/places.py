"""The directories of a user's keys, and of the metadata that the user has seen (XDG base directory specification)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def keys_directory() -> Path:
    """The directory of the keys of all stores that this user publishes to."""
    return _base("XDG_CONFIG_HOME", "~/.config") / "nfsroot" / "keys"


def trust_directory(address: str) -> Path:
    """The directory of the metadata that this user has seen in the store at `address`, and of the pinned root."""
    digest = hashlib.sha256(address.encode()).hexdigest()
    return trust_directories() / digest[:16]


def trust_directories() -> Path:
    """The directory that holds a directory for each store that this user trusts."""
    return _base("XDG_STATE_HOME", "~/.local/state") / "nfsroot" / "stores"


def manifests_directory() -> Path:
    """The directory of manifests that were fetched to search them."""
    return _base("XDG_CACHE_HOME", "~/.cache") / "nfsroot" / "manifests"


def _base(variable: str, otherwise: str) -> Path:
    named = os.environ.get(variable, "")
    return Path(named) if Path(named).is_absolute() else Path(otherwise).expanduser()
