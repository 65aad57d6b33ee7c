"""Lists of the software in a release (SBOM): CycloneDX and SPDX, from what dpkg and the packages say of themselves."""
