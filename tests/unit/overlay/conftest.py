"""Recipes for the overlay's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from overlay_recipes import recipe_of

from builder.recipe.models import Recipe


@pytest.fixture
def read_only() -> Recipe:
    """A read-only root with directories of both kinds, a password and a key."""
    writable = [
        {"path": "/var", "kind": "shared"},
        {"path": "/tmp", "kind": "tmpfs", "size_mib": 512},
        {"path": "/var/tmp", "kind": "tmpfs"},
    ]
    login = {"root_password_hash": "$y$j9T$salt$hash", "ssh_keys": ["ssh-ed25519 AAAA admin@site"]}
    return recipe_of(root={"path": "/NFSROOT/base", "writable": writable}, login=login)


@pytest.fixture
def read_write() -> Recipe:
    """Kerrighed's single read-write export; nobody may log in."""
    writable = [{"path": "/var", "kind": "shared"}, {"path": "/tmp", "kind": "tmpfs"}]
    return recipe_of(
        files=[Path("recipes/kerrighed.toml")],
        image={"name": "kerrighed"},
        root={"path": "/NFSROOT/kerrighed", "access": "rw", "writable": writable},
        kerrighed={"session_id": 7, "node_ids": {"ssi2": 20}},
    )
