"""SBOMs of real releases: complete, valid, and true."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command import Project
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import get_spdx_licensing

from builder.cache import Cache
from builder.release.manifest import Manifest
from builder.sbom.formats import CYCLONEDX, SPDX
from builder.sbom.make import make_sboms

pytestmark = pytest.mark.container


@pytest.fixture(scope="module")
def sboms(kerrighed: Path) -> dict[str, bytes]:
    """Both SBOMs of the shipped recipe's release."""
    return make_sboms(kerrighed)


@pytest.fixture(scope="module")
def components(sboms: dict[str, bytes]) -> dict[str, Any]:
    """The components of the CycloneDX document, by name."""
    return {each["name"]: each for each in json.loads(sboms[CYCLONEDX])["components"]}


def test_cyclonedx_is_valid(sboms: dict[str, bytes]) -> None:
    """The official schema takes the document."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(sboms[CYCLONEDX].decode()) is None


def test_every_package_is_there(kerrighed: Path, components: dict[str, Any], sboms: dict[str, bytes]) -> None:
    """Both documents have each package of the manifest in its version."""
    packages = {(each.name, each.version) for each in Manifest.read(kerrighed).packages}
    assert packages <= {(name, each.get("version")) for name, each in components.items()}
    assert packages <= {(each["name"], each.get("versionInfo")) for each in json.loads(sboms[SPDX])["packages"]}


def test_digests_are_those_of_the_archive(components: dict[str, Any], cache: Cache, kerrighed: Path) -> None:
    """Each package but our own has the SHA-256 under which the cache keeps it, which is that of the package lists."""
    hashed = {
        name: each["hashes"][0]["content"]
        for name, each in components.items()
        if each["type"] == "library" and "hashes" in each
    }
    names = {each.name for each in Manifest.read(kerrighed).packages}
    assert names - hashed.keys() == {"nfsbooted"}
    kept = {path.name.partition(".")[0] for path in cache.packages("trixie").iterdir()}
    assert {name for name, digest in hashed.items() if digest not in kept} == set()


def test_dependencies_are_those_of_dpkg(components: dict[str, Any], sboms: dict[str, bytes], root: Path) -> None:
    """Every package that another one names first in Depends and that is installed is among its dependencies."""
    show = [
        "dpkg-query",
        f"--admindir={root}/var/lib/dpkg",
        "--show",
        "--showformat=${Package}\\t${Pre-Depends}, ${Depends}\\n",
    ]
    rows = subprocess.run(show, capture_output=True, text=True, check=True).stdout.splitlines()
    names = {each["bom-ref"]: name for name, each in components.items()}
    edges = {
        names[each["ref"]]: {names[on] for on in each["dependsOn"]}
        for each in json.loads(sboms[CYCLONEDX])["dependencies"]
        if each["ref"] in names
    }
    for row in rows:
        name, _, fields = row.partition("\t")
        first = {re.split(r"[ :(|]", field.strip())[0] for field in fields.split(",") if "|" not in field}
        assert (first & edges.keys()) - {name} <= edges[name], name


def test_licences(components: dict[str, Any]) -> None:
    """Most packages have licences; each expression can be read; some that everybody knows are right."""
    licensing = get_spdx_licensing()
    found = {name: each["licenses"][0]["expression"] for name, each in components.items() if "licenses" in each}
    assert len(found) > len(components) / 2
    for expression in found.values():
        keys = licensing.license_keys(licensing.parse(expression))
        assert [key for key in keys if key not in licensing.known_symbols and not key.startswith("LicenseRef-")] == []
    assert found["zlib1g"] == "Zlib"
    assert "GPL-3.0-or-later" in found["bash"]


def test_files_have_their_digests(kerrighed: Path, components: dict[str, Any]) -> None:
    """Kernel, initramfs and loaders are the release's files."""
    files = {name: each for name, each in components.items() if each["type"] == "file"}
    assert len(files) >= 3
    for name, each in files.items():
        assert each["hashes"][0]["content"] == hashlib.sha256((kerrighed / name).read_bytes()).hexdigest()


def test_node_added_changes_no_byte(tiny: Project) -> None:
    """A release with one node more has the same SBOMs; `nfsroot sbom` prints what the function makes."""
    before = make_sboms(tiny.release)
    printed = tiny.run("sbom", str(tiny.release), "--format", "spdx", f"--cache-dir={tiny.cache}")
    assert printed.status == 0, printed.errors
    assert printed.out.encode() == before[SPDX]
