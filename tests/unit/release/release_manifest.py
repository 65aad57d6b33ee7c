"""A manifest made in memory."""

from __future__ import annotations

from typing import Any

from builder.release.manifest import Manifest, Package, released_file


def manifest(**changes: Any) -> Manifest:
    """The manifest of a small release."""
    values: dict[str, Any] = {
        "name": "kerrighed",
        "version": "1.0",
        "content": "0123456789abcdef01234567",
        "source_date": 1763200000,
        "kernel_version": "6.12.1-amd64",
        "server_directory": "/NFSROOT/kerrighed/1.0",
        "recipe": {"image": {"name": "kerrighed"}},
        "tools": {"nfsroot": "0.1.0"},
        "steps": {"tree": "a" * 24},
        "files": (released_file("vmlinuz-6.12.1-amd64", 3, "0" * 64),),
        "packages": (Package(name="nano", version="8.4-1", architecture="amd64", source="nano"),),
    }
    return Manifest(**{**values, **changes})
