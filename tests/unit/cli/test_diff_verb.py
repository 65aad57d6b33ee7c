"""`nfsroot diff` as a person calls it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import Nfsroot
from made_releases import Made, package, with_changes

from builder.recipe.models import Recipe

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def releases(debian: Recipe, tmp_path: Path) -> tuple[str, str]:
    """Two releases: a security update, a file with another mode, and a node that is gone."""
    before = Made(debian, "1.0", packages=[package("a", "1-1")], tree=[("usr/a", 0o644, b"1", "b")])
    after = Made(
        with_changes(debian, cluster__nodes=debian.cluster.nodes[:3]),
        "2.0",
        packages=[package("a", "1-1+deb13u1", "1-1+deb13u1")],
        tree=[("usr/a", 0o4755, b"1", "b")],
    )
    return str(before.write(tmp_path)), str(after.write(tmp_path))


def test_lines(nfsroot: Nfsroot, releases: tuple[str, str]) -> None:
    """What differs is told section by section, without colours where there is no terminal."""
    done = nfsroot("diff", *releases)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "debian-nfsroot 1.0 -> debian-nfsroot 2.0"
    for line in (
        "Nodes at their next boot",
        "  ~ ssi[1-3]",
        "      root: 1 package, 1 file",
        "      overlay: etc/hosts",
        "  - ssi4",
        "Packages",
        "  ^ a  1-1 -> 1-1+deb13u1  security",
        "      ~ /usr/a  mode 0644 -> 4755",
    ):
        assert line in lines
    assert "\x1b" not in done.out


def test_json(nfsroot: Nfsroot, releases: tuple[str, str]) -> None:
    """The JSON has a version of its schema, and objects with names."""
    told = json.loads(nfsroot("diff", *releases, "--json").out)
    assert told["schema_version"] == 1
    assert told["packages"][0]["mark"] == "security"
    assert told["nodes"]["groups"][0]["aspects"][0] == {"what": "root", "before": "", "after": "1 package, 1 file"}
    assert told["files"][0]["files"][0]["after"]["mode"] == "4755"


def test_fields_of_the_json_are_documented(nfsroot: Nfsroot, releases: tuple[str, str]) -> None:
    """The reference has each field of the JSON's top."""
    told = json.loads(nfsroot("diff", *releases, "--json").out)
    reference = (PROJECT / "docs/reference/diff.md").read_text()
    assert [field for field in told if f"| `{field}` |" not in reference] == []


def test_page(nfsroot: Nfsroot, releases: tuple[str, str]) -> None:
    """The page is written to the file that was named; one that cannot be written is a mistake in words."""
    done = nfsroot("diff", *releases, "--html", "diff.html")
    assert done.out == "Wrote diff.html.\n"
    assert Path("diff.html").read_text().startswith("<!DOCTYPE html>")
    refused = nfsroot("diff", *releases, "--html", "nowhere/diff.html")
    assert refused.status == 2
    assert refused.err == "nfsroot: nowhere/diff.html cannot be written: No such file or directory\n"
    assert nfsroot("diff", *releases, "--json", "--html", "x").status == 2


def test_control_characters(nfsroot: Nfsroot, debian: Recipe, tmp_path: Path) -> None:
    """No release can move the cursor of who compares it."""
    one = Made(debian, "1.0").write(tmp_path)
    other = Made(debian, "2.0", packages=[package("\x1b]0;evil\x07", "1\x9b")]).write(tmp_path)
    done = nfsroot("diff", str(one), str(other))
    assert r"  + \x1b]0;evil\x07  1\x9b" in done.out.splitlines()


def test_recipe(nfsroot: Nfsroot, debian: Recipe, tmp_path: Path) -> None:
    """Of a recipe it is told what its next build would change, and what nobody can know before."""
    release = str(Made(debian, "1.0", packages=[package("a", "1")]).write(tmp_path))
    shutil.copytree(PROJECT / "recipes/clusters", "recipes/clusters")
    mine = (
        'extends = "debian-nfsroot"\nelements = []\n[image]\nname = "debian-nfsroot"\n[kernel]\narguments = ["nosmt"]\n'
    )
    Path("recipes/mine.toml").write_text(mine)
    done = nfsroot("diff", release, "mine")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "debian-nfsroot 1.0 -> recipe debian-nfsroot"
    assert "      kernel line: nosmt" in lines
    assert "      initramfs: made anew" in lines
    assert "  kernel.arguments: + nosmt" in lines
    assert any("no build here has asked the archive" in line for line in lines)
    back = nfsroot("diff", "mine", release)
    assert "      kernel line: nosmt -> nothing" in back.out.splitlines()


def test_mistakes(nfsroot: Nfsroot, releases: tuple[str, str]) -> None:
    """What is neither release nor recipe is named, with the way out."""
    both = nfsroot("diff", "kerrighed", "debian-nfsroot")
    assert both.status == 2
    assert both.err.startswith("nfsroot: neither kerrighed nor debian-nfsroot is the directory of a release\n-> ")
    missing = nfsroot("diff", releases[0], "output/kerrighed/9.9")
    assert missing.err.startswith("nfsroot: output/kerrighed/9.9 holds no release\n-> ")
    unknown = nfsroot("diff", releases[0], "kerrigehd")
    assert unknown.err.startswith("nfsroot: there is no recipe 'kerrigehd'")
