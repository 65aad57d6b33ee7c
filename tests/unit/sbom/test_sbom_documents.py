"""Both SBOMs of a release: valid by their schemas, complete, and the same bytes for the same software."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import get_spdx_licensing
from made_releases import Made, package, with_changes
from packageurl import PackageURL
from sbom_releases import DPKG, made

from builder.cache import Cache
from builder.errors import InputError
from builder.recipe.models import Recipe
from builder.release.manifest import FILE
from builder.sbom.formats import CYCLONEDX, SPDX
from builder.sbom.make import make_sboms

SPDX_SCHEMA = "NFSROOT_SPDX_SCHEMA"
"""A variable that names a file with the official schema of SPDX 2.3 (schemas/2.3/spdx-schema.json of the project
spdx-spec), which no package that the tests need brings along."""
LICENSING = get_spdx_licensing()


@pytest.fixture
def documents(debian: Recipe, tmp_path: Path) -> dict[str, Any]:
    """The SBOMs of the made-up release, by their names."""
    return {name: json.loads(text) for name, text in make_sboms(made(debian).write(tmp_path)).items()}


def test_cyclonedx_is_valid(debian: Recipe, tmp_path: Path) -> None:
    """The official schema of CycloneDX 1.6 takes the document, without a field that it does not know."""
    text = make_sboms(made(debian).write(tmp_path))[CYCLONEDX].decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_spdx_is_valid_by_the_official_schema(documents: dict[str, Any]) -> None:
    """The official schema takes the document, where somebody has put that schema."""
    if SPDX_SCHEMA not in os.environ:
        pytest.skip(f"{SPDX_SCHEMA} names no file with the official schema")
    jsonschema.validate(documents[SPDX], json.loads(Path(os.environ[SPDX_SCHEMA]).read_bytes()))


def test_spdx_keeps_the_rules_of_its_clauses(documents: dict[str, Any]) -> None:
    """Mandatory fields, forms of identifiers, references and expressions are as the clauses of SPDX 2.3 have them."""
    spdx = documents[SPDX]
    assert (spdx["spdxVersion"], spdx["dataLicense"], spdx["SPDXID"]) == ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT")
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", spdx["documentNamespace"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", spdx["creationInfo"]["created"])
    identifiers = [each["SPDXID"] for each in spdx["packages"]]
    assert len(set(identifiers)) == len(identifiers)
    references = {each["licenseId"] for each in spdx["hasExtractedLicensingInfos"]}
    for each in spdx["packages"]:
        assert re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", each["SPDXID"])
        assert each["name"]
        assert each["downloadLocation"] == "NOASSERTION"
        assert re.fullmatch(r"NOASSERTION|Organization: \w+", each.get("supplier", "NOASSERTION"))
        assert all(re.fullmatch(r"[0-9a-f]{64}", sum_["checksumValue"]) for sum_ in each.get("checksums", ()))
        keys = [key for key in LICENSING.license_keys(LICENSING.parse(each["licenseDeclared"])) if key != "NOASSERTION"]
        assert [key for key in keys if key not in LICENSING.known_symbols and key not in references] == []
    assert all(re.fullmatch(r"LicenseRef-[A-Za-z0-9.-]+", each) for each in references)
    known = {*identifiers, "SPDXRef-DOCUMENT"}
    for relation in spdx["relationships"]:
        assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= known


def test_packages_with_all_that_is_known(documents: dict[str, Any]) -> None:
    """A package has its identity, source, supplier, digest and licences; what is not installed is left out."""
    components = {each["name"]: each for each in documents[CYCLONEDX]["components"]}
    assert "half" not in components
    base = components["base"]
    assert base["purl"] == "pkg:deb/debian/base@1:2.0-1%2Bb1?arch=amd64&distro=trixie"
    assert base["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert [each["value"] for each in base["properties"]] == ["base-source", "1:2.0-1"]
    assert base["externalReferences"] == [{"type": "website", "url": "https://example.org/base?a=1&b=2"}]
    assert base["publisher"] == "Some Body <somebody@example.org>"
    (licence,) = base["licenses"]
    assert (
        re.sub(r"-[0-9a-f]{8}\b", "", licence["expression"])
        == "BSD-3-Clause AND (GPL-2.0-or-later OR LicenseRef-Odd) AND MIT"
    )
    assert "licenses" not in components["tool++"]
    packages = {each["name"]: each for each in documents[SPDX]["packages"]}
    assert packages["base"]["originator"] == "Person: Some Body (somebody@example.org)"
    assert packages["tool++"]["licenseDeclared"] == "NOASSERTION"
    assert packages["tool++"]["originator"] == "Person: no address"
    assert "Do what you like with <this>." in [
        each["extractedText"] for each in documents[SPDX]["hasExtractedLicensingInfos"]
    ]


def test_packages_that_are_not_debians(documents: dict[str, Any]) -> None:
    """A package whose file the archive does not have is not called Debian's."""
    ours = next(each for each in documents[CYCLONEDX]["components"] if each["name"] == "ours")
    assert ours["purl"] == "pkg:generic/ours@1.0"
    assert "supplier" not in ours


def test_package_urls(documents: dict[str, Any]) -> None:
    """Each package URL is in the canonical form of the specification."""
    urls = [each["purl"] for each in documents[CYCLONEDX]["components"] if "purl" in each]
    assert [url for url in urls if PackageURL.from_string(url).to_string() != url] == []


def test_dependencies(documents: dict[str, Any]) -> None:
    """Of alternatives the first that is installed counts, by its name or one that it provides, in a right version."""
    cyclonedx = documents[CYCLONEDX]
    names = {each["bom-ref"]: each["name"] for each in cyclonedx["components"]}
    edges = {
        names.get(each["ref"], "release"): [names[on] for on in each["dependsOn"]] for each in cyclonedx["dependencies"]
    }
    assert edges["tool++"] == ["base"]
    assert edges["ours"] == ["base", "tool++"]
    assert edges["base"] == []
    assert edges["initrd.img-6.12.1-amd64"] == ["linux-image-6.12.1-amd64"]
    assert edges["pxegrub/pxegrub.i386-pc"] == ["grub-pc-bin"]
    assert {"ours", "linux-image-6.12.1-amd64", "vmlinuz-6.12.1-amd64"} <= set(edges["release"])
    assert "base" not in edges["release"]
    related = [(each["relationshipType"], each["relatedSpdxElement"]) for each in documents[SPDX]["relationships"]]
    assert related.count(("DEPENDS_ON", "SPDXRef-Package-base-amd64")) == 2


def test_files_that_nodes_load(documents: dict[str, Any]) -> None:
    """Kernel, initramfs and loaders have their digests; files with the cluster in them are left out."""
    files = {each["name"]: each for each in documents[CYCLONEDX]["components"] if each["type"] == "file"}
    assert set(files) == {"vmlinuz-6.12.1-amd64", "initrd.img-6.12.1-amd64", "pxegrub/pxegrub.i386-pc"}
    assert files["initrd.img-6.12.1-amd64"]["hashes"][0]["content"] == hashlib.sha256(b"initramfs").hexdigest()


def test_same_bytes_for_the_same_tree(debian: Recipe, tmp_path: Path) -> None:
    """A node added and another version change no byte of either document; another package changes both."""
    cluster = with_changes(debian, cluster__nodes=debian.cluster.nodes[:2])
    one, other = made(debian).write(tmp_path / "a"), made(cluster, "2.0").write(tmp_path / "b")
    assert make_sboms(one) == make_sboms(other)
    status = DPKG["var/lib/dpkg/status"].replace("0.9~rc1-1", "0.9-1")
    third = Made(debian, "3.0", steps={"tree": "t" * 24}, dpkg={**DPKG, "var/lib/dpkg/status": status})
    changed = make_sboms(third.write(tmp_path / "c"))
    assert all(changed[name] != text for name, text in make_sboms(one).items())
    numbers = [json.loads(text[CYCLONEDX])["serialNumber"] for text in (make_sboms(one), changed)]
    assert numbers[0] != numbers[1]


def test_made_once_for_a_tree(debian: Recipe, tmp_path: Path) -> None:
    """From a cache come the bytes of the first time, for a release with another cluster, too, which is not read."""
    cache = Cache(tmp_path / "cache")
    first = make_sboms(made(debian).write(tmp_path / "a"), cache)
    assert first == make_sboms(made(debian).write(tmp_path / "plain"))
    cluster = with_changes(debian, cluster__nodes=debian.cluster.nodes[:2])
    second = made(cluster, "2.0").write(tmp_path / "b")
    (second / "dpkg.tar.zst").write_bytes(b"damaged")
    assert make_sboms(second, cache) == first
    with pytest.raises(InputError, match="is damaged"):
        make_sboms(second)


def test_release_without_dpkgs_data(debian: Recipe, tmp_path: Path) -> None:
    """Of an older release the manifest's packages are told, without licences; both documents are valid."""
    old = Made(debian, "1.0", packages=[package("nano", "8.4-1")])
    sboms = make_sboms(old.write(tmp_path))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(sboms[CYCLONEDX].decode()) is None
    names = [each["name"] for each in json.loads(sboms[SPDX])["packages"]]
    assert names[:2] == ["debian-nfsroot", "nano"]


@pytest.mark.parametrize(
    "homepage", ["not a url", "http://a b", "https://x/%zz", "javascript:alert(1)", "https://[::1"]
)
def test_homepage_that_is_no_address(debian: Recipe, tmp_path: Path, homepage: str) -> None:
    """What is no address is left out, so that the document stays valid."""
    status = DPKG["var/lib/dpkg/status"].replace("https://example.org/base?a=1&b=2", homepage)
    sboms = make_sboms(Made(debian, "1.0", dpkg={"var/lib/dpkg/status": status}).write(tmp_path))
    assert homepage not in sboms[CYCLONEDX].decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(sboms[CYCLONEDX].decode()) is None


def test_time_that_no_calendar_has(debian: Recipe, tmp_path: Path) -> None:
    """A manifest with an impossible source date is a mistake in words."""
    directory = made(debian).write(tmp_path)
    document = json.loads((directory / FILE).read_bytes())
    (directory / FILE).write_text(json.dumps({**document, "source_date": 10**30}))
    with pytest.raises(InputError, match="which is no time"):
        make_sboms(directory)


def test_hostile_text(debian: Recipe, tmp_path: Path) -> None:
    """Text of any kind in dpkg's table stays text, and the documents stay valid."""
    status = (
        'Package: p\nStatus: install ok installed\nVersion: 1 "\\\x01\nArchitecture: \u202e\nDescription: \ud7ff</x>\n'
    )
    directory = Made(debian, "1.0", dpkg={"var/lib/dpkg/status": status}).write(tmp_path)
    sboms = make_sboms(directory)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(sboms[CYCLONEDX].decode()) is None
    assert json.loads(sboms[SPDX])["packages"][1]["summary"] == "\ud7ff</x>"
