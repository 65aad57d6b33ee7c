"""The two forms of SBOM, by the names of their files."""

from __future__ import annotations

CYCLONEDX = "sbom.cdx.json"
SPDX = "sbom.spdx.json"
