"""Root's password."""

from __future__ import annotations

import pytest

from builder.errors import NfsrootError
from builder.overlay.shadow import with_root_password

SHADOW = "daemon:*:20000:0:99999:7:::\nroot:old:20000:0:99999:7:::\nrooter:x:1::::::\n"


def test_hash_replaces_roots_only() -> None:
    """Only root's second field changes."""
    assert with_root_password(SHADOW, "$y$new") == SHADOW.replace("root:old:", "root:$y$new:")


def test_without_hash_root_is_locked() -> None:
    """No hash in the recipe locks root, whatever the tree had."""
    assert "\nroot:*:20000" in with_root_password(SHADOW, None)


def test_no_root() -> None:
    """A tree without root is an error, not a tree that anybody can enter."""
    with pytest.raises(NfsrootError, match="no line for root"):
        with_root_password("daemon:*:1::::::\n", None)
