"""Writes a CycloneDX 1.6 document (ECMA-424) as JSON."""

from __future__ import annotations

from typing import Any

from builder.sbom.document import derive_uuid, encode_json, format_time
from builder.sbom.software import Software, SoftwareFile, SoftwarePackage

Table = dict[str, Any]


def write_cyclonedx(software: Software) -> bytes:
    """The CycloneDX document of a release's software; its serial number follows from its content."""
    release = f"{software.name}@{software.version}"
    files = [f"{release}/{file.path}" for file in software.files]
    document: Table = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": format_time(software.date),
            "lifecycles": [{"phase": "build"}],
            "tools": {"components": [{"type": "application", "name": "nfsroot", "version": software.made_by}]},
            "component": {
                "type": "operating-system",
                "bom-ref": release,
                "name": software.name,
                "version": software.version,
                "description": software.description,
            },
        },
        "components": [
            *(_package(package) for package in software.packages),
            *(_tool(package) for package in software.tools),
            *(_file(file, reference) for file, reference in zip(software.files, files, strict=True)),
        ],
        "dependencies": [
            {"ref": release, "dependsOn": sorted({*software.top, *files})},
            *({"ref": package.purl, "dependsOn": list(package.depends)} for package in software.packages),
            *({"ref": package.purl, "dependsOn": []} for package in software.tools),
            *(
                {"ref": reference, "dependsOn": sorted(file.made_of)}
                for file, reference in zip(software.files, files, strict=True)
            ),
        ],
    }
    return encode_json({"serialNumber": f"urn:uuid:{derive_uuid(encode_json(document))}", **document})


def _package(package: SoftwarePackage) -> Table:
    found: Table = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "properties": [
            {"name": "nfsroot:debian:source", "value": package.source},
            {"name": "nfsroot:debian:source-version", "value": package.source_version},
        ],
    }
    if package.from_archive:
        found["supplier"] = {"name": "Debian"}
    if package.maintainer:
        found["publisher"] = package.maintainer
    if package.summary:
        found["description"] = package.summary
    if package.sha256:
        found["hashes"] = [{"alg": "SHA-256", "content": package.sha256}]
    if package.licence:
        found["licenses"] = [{"expression": package.licence.expression, "acknowledgement": "declared"}]
    if package.homepage:
        found["externalReferences"] = [{"type": "website", "url": package.homepage}]
    return found


def _tool(package: SoftwarePackage) -> Table:
    """The component of a package of the builder image from which a boot loader is made."""
    return {**_package(package), "scope": "excluded"}


def _file(file: SoftwareFile, reference: str) -> Table:
    return {
        "type": "file",
        "bom-ref": reference,
        "name": file.path,
        "hashes": [{"alg": "SHA-256", "content": file.sha256}],
    }
