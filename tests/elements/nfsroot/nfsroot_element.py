"""The element nfsroot, and a private key's form."""

from __future__ import annotations

from pathlib import Path

ELEMENT = Path(__file__).parents[3] / "elements/nfsroot"

PEM = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"
