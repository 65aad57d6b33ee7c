"""The names of the files of the two forms of SBOM."""

from __future__ import annotations

CYCLONEDX = "sbom.cdx.json"
SPDX = "sbom.spdx.json"
