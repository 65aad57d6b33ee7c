"""What a release says about itself agrees with what it holds."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import jsonschema
import pytest
from tarball import members, root_tarball

from builder.disk import sha256
from builder.release.manifest import Manifest, json_schema

pytestmark = pytest.mark.container

UNLISTED = {"manifest.json", "SHA256SUMS", "build.log"}


def test_manifest_validates_against_its_schema(kerrighed: Path) -> None:
    """manifest.json is what its JSON Schema says."""
    document = json.loads((kerrighed / "manifest.json").read_text())
    jsonschema.Draft202012Validator(json_schema()).validate(document)


def test_manifest_lists_every_file(kerrighed: Path) -> None:
    """Every file is in the manifest with its size and digest."""
    listed = {file.path: (file.size, file.sha256) for file in Manifest.read(kerrighed).files}
    present = {str(path.relative_to(kerrighed)): path for path in kerrighed.rglob("*") if path.is_file()}
    assert set(present) - UNLISTED == set(listed)
    assert {name: (present[name].stat().st_size, sha256(present[name])) for name in listed} == listed


def test_sums_agree(kerrighed: Path) -> None:
    """`sha256sum --check` accepts SHA256SUMS, which covers the manifest and everything in it."""
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=kerrighed, check=True)
    named = {line.split("  ", 1)[1] for line in (kerrighed / "SHA256SUMS").read_text().splitlines()}
    assert named == {file.path for file in Manifest.read(kerrighed).files} | {"manifest.json"}


def test_parts_are_the_file(kerrighed: Path, tmp_path: Path) -> None:
    """Each file is what `cat` makes of its parts, which were cut out of it by dd, and each part has its digest."""
    files = {file.path: file for file in Manifest.read(kerrighed).files}
    for path, file in files.items():
        start = 0
        for number, part in enumerate(file.parts):
            cut = f"dd if={kerrighed / path} iflag=skip_bytes,count_bytes skip={start} count={part.size} bs=1M"
            (tmp_path / f"{number:04}").write_bytes(subprocess.run(cut.split(), capture_output=True, check=True).stdout)
            start += part.size
        sums = "".join(f"{part.sha256}  {number:04}\n" for number, part in enumerate(file.parts))
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet"], input=sums.encode(), cwd=tmp_path, check=True)
        joined = subprocess.run(["bash", "-c", "cat * | sha256sum"], cwd=tmp_path, capture_output=True, check=True)
        assert joined.stdout.decode().split()[0] == file.sha256, path
        for made in tmp_path.iterdir():
            made.unlink()
    root = next(file for path, file in files.items() if path.endswith("-root.tar.zst"))
    assert len(root.parts) > len(Manifest.read(kerrighed).packages), "a part a package at least"


def test_list_is_of_the_tree(kerrighed: Path) -> None:
    """tree.tsv.zst has a line for each path in the root tarball, with its kind, mode, owner, content and package."""
    plain = subprocess.run(["zstdcat", kerrighed / "tree.tsv.zst"], capture_output=True, check=True).stdout.decode()
    columns, *rows = (line.split("\t") for line in plain.splitlines())
    assert columns == ["path", "type", "mode", "owner", "group", "size", "sha256", "target", "package"]
    told = {row[0]: row for row in rows}
    assert len(told) == len(rows)
    found = dict(members(root_tarball(kerrighed)))
    assert found.keys() == told.keys()
    kinds = {tarfile.LNKTYPE: "f", tarfile.SYMTYPE: "l", tarfile.DIRTYPE: "d", tarfile.CHRTYPE: "c"}
    for name, member in found.items():
        _, kind, mode, owner, group, size, digest, target, _ = told[name]
        assert kinds.get(member.type, "f") == kind, name
        assert (f"{member.mode:04o}", str(member.uid), str(member.gid)) == (mode, owner, group), name
        assert bool(size) == bool(digest) == (kind == "f"), name
        if member.type == tarfile.LNKTYPE:
            assert (size, digest) == tuple(told[member.link][5:7]), name
        else:
            assert digest == member.digest, name
        assert kind != "l" or target == member.link, name
    packages = {package.name for package in Manifest.read(kerrighed).packages}
    assert {row[-1].partition(":")[0] for row in rows} - {""} <= packages
    assert told["usr/bin/cat"][-1] == "coreutils"
    assert told["etc/fstab"][-1] == "", "the overlay's"


def test_packages_agree(kerrighed: Path) -> None:
    """packages.tsv, the manifest and the tree's own dpkg name the same packages in the same versions."""
    manifest = Manifest.read(kerrighed)
    listed = {(package.name, package.version) for package in manifest.packages}
    rows = [line.split("\t") for line in (kerrighed / "packages.tsv").read_text().splitlines()]
    assert {(row[0], row[1]) for row in rows} == listed
    assert any(name == f"linux-image-{manifest.kernel_version}" for name, _ in listed)
    assert "nfsbooted" in {name for name, _ in listed}


def test_manifest_holds_nothing_of_the_machine(kerrighed: Path) -> None:
    """No path or host name of the machine that built the release stands in the manifest."""
    text = (kerrighed / "manifest.json").read_text()
    assert str(Path(__file__).parents[2]) not in text
    assert str(Path.home()) + "/" not in text


def test_archives_of_nic_drivers_are_made_while_packages_are_installed(kerrighed: Path) -> None:
    """The build takes the archives that an element began to make of the base, and makes none at its end."""
    log = (kerrighed / "build.log").read_text(encoding="utf-8")
    assert log.count("The archives of NIC drivers were made while packages were installed.") == 1
