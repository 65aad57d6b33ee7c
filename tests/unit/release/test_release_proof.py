"""Which releases lean on one that passed, and in what they may differ from it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from release_manifest import manifest

from builder.release.manifest import FILE, ReleasedFile, released_file
from builder.release.proof import standing
from builder.release.verdict import REPORT, digest

STEPS = {"tree": "a" * 24, "initramfs": "b" * 24, "pxegrub": "c" * 24, "overlay": "d" * 24, "server-bundle": "e" * 24}
CODE = {"overlay": "0" * 64, "server-bundle": "1" * 64, "release": "2" * 64}


def recipe(nodes: int = 3, **cluster: Any) -> dict[str, Any]:
    """A recipe with a cluster of so many nodes, as a manifest has it."""
    return {
        "image": {"name": "kerrighed", "version": None},
        "kernel": {"package": "linux-image-amd64"},
        "cluster": {"name": "mycluster", "nodes": [{"name": f"ssi{n}"} for n in range(nodes)], **cluster},
    }


def files(version: str, **digests: str) -> tuple[ReleasedFile, ...]:
    """The files of a release, some with these digits in their digests."""
    stem = f"kerrighed-{version}"
    archives = {"root": f"{stem}-root.tar.zst", "server": f"{stem}-server.tar.gz", "list": "tree.tsv.zst"}
    every = {**archives, "kernel": "vmlinuz"}
    return tuple(released_file(path, 3, digests.get(name, "0") * 64) for name, path in every.items())


def release(output: Path, version: str, verdict: str | None = None, **changes: Any) -> Path:
    """The directory of a release with that verdict, if any."""
    directory = output / version
    directory.mkdir()
    values = {"recipe": recipe(), "steps": STEPS, "code": CODE, "files": files(version), **changes}
    (directory / FILE).write_text(manifest(version=version, **values).text())
    if verdict:
        (directory / REPORT).write_text(json.dumps({"verdict": verdict, "manifest": digest(directory)}))
    return directory


def test_a_node_more_leans_on_the_release_before(tmp_path: Path) -> None:
    """With other nodes, and so another overlay and bundle, the release is proved; the word is not `passed`."""
    release(tmp_path, "1.0", "passed")
    steps = {**STEPS, "overlay": "f" * 24, "server-bundle": "f" * 24}
    made = release(tmp_path, "2.0", recipe=recipe(4), steps=steps, files=files("2.0", root="1", server="2", list="3"))
    assert standing(made) == "proved: same tree as 1.0, which passed; root.tar.zst, server.tar.gz, tree.tsv.zst differ"


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": {**STEPS, "tree": "f" * 24}},
        {"steps": {**STEPS, "initramfs": "f" * 24}},
        {"steps": {**STEPS, "pxegrub": "f" * 24}},
        {"code": {**CODE, "server-bundle": "f" * 64}},
        {"code": {}},
        {"tools": {"nfsroot": "0.2.0"}},
        {"recipe": recipe(subnet="10.0.0.0/8")},
        {"recipe": {**recipe(), "kernel": {"package": "linux-image-cloud-amd64"}}},
        {"recipe": recipe(65)},
        {"files": files("2.0", kernel="1")},
    ],
)
def test_what_differs_in_more_than_nodes_is_not_proved(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Another tree, initramfs, loader, code, tool, setting, limit of the server or kernel is for the lab to try."""
    release(tmp_path, "1.0", "passed")
    assert standing(release(tmp_path, "2.0", **changes)) == "none"


@pytest.mark.parametrize("verdict", [None, "failed", "none"])
def test_only_what_passed_is_leant_on(tmp_path: Path, verdict: str | None) -> None:
    """A release that was not tried, or failed, proves nothing."""
    release(tmp_path, "1.0", verdict)
    assert standing(release(tmp_path, "2.0")) == "none"


def test_its_own_verdict_comes_first(tmp_path: Path) -> None:
    """A release that failed leans on nobody."""
    release(tmp_path, "1.0", "passed")
    assert standing(release(tmp_path, "2.0", "failed")) == "failed"
    assert standing(release(tmp_path, "3.0", "passed")) == "passed"


def test_the_newest_is_named_and_damage_is_passed_over(tmp_path: Path) -> None:
    """Of several releases that passed it is the newest; one that cannot be read is no help."""
    for age, version in enumerate(("1.0", "0.9")):
        os.utime(release(tmp_path, version, "passed") / FILE, (10**9 - age, 10**9 - age))
    (release(tmp_path, "1.1", "passed") / FILE).write_text("{")
    assert standing(release(tmp_path, "2.0")) == "proved: same tree as 1.0, which passed; no file differs"
