"""`nfsroot diff` of releases that were really built."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from command import Project

pytestmark = pytest.mark.container


def compare(project: Project, before: str, after: str) -> dict[str, Any]:
    """The difference as JSON."""
    done = project.run("diff", before, after, "--json", f"--cache-dir={project.cache}")
    assert done.status == 0, done.errors
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_builds_that_differ(project: Callable[..., Project]) -> None:
    """A node and then a package are added: each is told with what it changes, before and after it is built."""
    made = project("base", "tree", "initramfs", "nic-drivers", "pxegrub")
    assert made.build("--version=1").status == 0
    one = str(made.output / "tiny/1")
    made.tiny(nodes=2)
    planned = compare(made, one, "tiny")
    assert [group["nodes"] for group in planned["nodes"]["groups"] if group["change"] == "added"] == [["node2"]]
    assert [step["name"] for step in planned["steps"]] == ["overlay", "server-bundle"]
    assert made.build("--version=2").status == 0
    built = compare(made, one, str(made.output / "tiny/2"))
    for section in ("packages", "files", "nodes", "settings"):
        assert built[section] == planned[section], section
    for section in ("bundle", "overlay"):
        counted = [
            [(file["path"], file["added"], file["removed"]) for file in found[section]["files"]]
            for found in (built, planned)
        ]
        assert counted[0] == counted[1], section

    made.tiny(nodes=2, packages=["nano"])
    assert made.build("--version=3").status == 0
    found = compare(made, str(made.output / "tiny/2"), str(made.output / "tiny/3"))
    assert "nano" in [change["name"] for change in found["packages"] if change["way"] == "added"]
    assert "nano" in [group["package"] for group in found["files"]]
    assert found["security_known"]
    assert [change["key"] for change in found["settings"]] == ["debian.packages"]
    (group,) = found["nodes"]["groups"]
    assert group["nodes"] == ["node1", "node2"]
    assert group["aspects"][0]["what"] == "root"
    assert found["bundle"]["files"] == []
