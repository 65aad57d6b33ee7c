"""Writes an SPDX 2.3 document (ISO/IEC 5962 is version 2.2.1) as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from builder.sbom.document import derive_uuid, encode_json, format_time
from builder.sbom.software import Software, SoftwareFile, SoftwarePackage, split_maintainer

Table = dict[str, Any]
DOCUMENT, RELEASE = "SPDXRef-DOCUMENT", "SPDXRef-Release"
NOT_SAID = "NOASSERTION"
ODD = re.compile(r"[^A-Za-z0-9.-]")
UNSAID = {
    "downloadLocation": NOT_SAID,
    "filesAnalyzed": False,
    "licenseConcluded": NOT_SAID,
    "copyrightText": NOT_SAID,
}
"""The fields of a package that nobody has looked at."""


def write_spdx(software: Software) -> bytes:
    """The SPDX document of a release's software; its namespace follows from its content."""
    packages = (*software.packages, *software.tools)
    identifiers = {package.purl: _identify("Package", package.name, package.architecture) for package in packages}
    identifiers |= {file.path: _identify("File", file.path) for file in software.files}
    document: Table = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": f"{software.name}-{software.version}",
        "creationInfo": {
            "created": format_time(software.date),
            "creators": [f"Tool: nfsroot-{software.made_by}"],
        },
        "packages": [
            _release(software),
            *(_package(package, identifiers[package.purl]) for package in packages),
            *(_file(file, identifiers[file.path]) for file in software.files),
        ],
        "relationships": list(_relationships(software, identifiers)),
        "hasExtractedLicensingInfos": [
            {"licenseId": reference, "name": name, "extractedText": text}
            for reference, (name, text) in software.references.items()
        ],
    }
    return encode_json({"documentNamespace": f"urn:uuid:{derive_uuid(encode_json(document))}", **document})


def _identify(*words: str) -> str:
    """An identifier of letters, digits, dots and hyphens (SPDX 2.3, clause 7.2); other characters go by their codes."""
    return "SPDXRef-" + "-".join(ODD.sub(lambda sign: f"-{ord(sign[0]):x}-", word) for word in words if word)


def _release(software: Software) -> Table:
    return {
        "SPDXID": RELEASE,
        "name": software.name,
        "versionInfo": software.version,
        "summary": software.description,
        "primaryPackagePurpose": "OPERATING-SYSTEM",
        "licenseDeclared": NOT_SAID,
        **UNSAID,
    }


def _package(package: SoftwarePackage, identifier: str) -> Table:
    found: Table = {
        "SPDXID": identifier,
        "name": package.name,
        "versionInfo": package.version,
        "supplier": "Organization: Debian" if package.from_archive else NOT_SAID,
        "sourceInfo": f"Built from the source package {package.source} {package.source_version}".rstrip(),
        "licenseDeclared": package.licence.expression if package.licence else NOT_SAID,
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": package.purl}
        ],
        **UNSAID,
    }
    if package.maintainer:
        name, address = split_maintainer(package.maintainer)
        found["originator"] = f"Person: {name}" + (f" ({address})" if address else "")
    if package.summary:
        found["summary"] = package.summary
    if package.homepage:
        found["homepage"] = package.homepage
    if package.sha256:
        found["checksums"] = [{"algorithm": "SHA256", "checksumValue": package.sha256}]
    return found


def _file(file: SoftwareFile, identifier: str) -> Table:
    """A file as a package of one file: the files of SPDX 2.3 must have a SHA-1 (clause 8.4)."""
    return {
        "SPDXID": identifier,
        "name": file.path,
        "packageFileName": file.path,
        "primaryPackagePurpose": "FILE",
        "checksums": [{"algorithm": "SHA256", "checksumValue": file.sha256}],
        "licenseDeclared": NOT_SAID,
        **UNSAID,
    }


def _relationships(software: Software, identifiers: dict[str, str]) -> Iterator[Table]:
    yield _relate(DOCUMENT, "DESCRIBES", RELEASE)
    for package in software.packages:
        yield _relate(RELEASE, "CONTAINS", identifiers[package.purl])
        for needed in package.depends:
            yield _relate(identifiers[package.purl], "DEPENDS_ON", identifiers[needed])
    for tool in software.tools:
        yield _relate(identifiers[tool.purl], "BUILD_TOOL_OF", RELEASE)
    for file in software.files:
        yield _relate(RELEASE, "CONTAINS", identifiers[file.path])
        for made_of in file.made_of:
            yield _relate(identifiers[file.path], "GENERATED_FROM", identifiers[made_of])


def _relate(one: str, how: str, other: str) -> Table:
    return {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}
