"""Stores in buckets on a machine without the library for them: an NFS server with the Debian package nfsroot-site."""

from __future__ import annotations

import sys

import pytest

from builder.errors import InputError
from builder.store.storage.open import open_storage


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names a bucket reads which package is missing, and what to do instead."""
    for module in [name for name in sys.modules if name.startswith("builder.store.storage.s3")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(InputError, match=r"s3://bucket/releases cannot be opened: .* obstore") as caught:
        open_storage("s3://bucket/releases")
    assert "https:// address" in str(caught.value)
