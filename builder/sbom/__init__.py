"""Lists of the software in a release (SBOM): CycloneDX and SPDX, from the data of dpkg and of the packages."""
