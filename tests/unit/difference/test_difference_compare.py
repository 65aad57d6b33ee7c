"""The whole difference: what is told where, what is not known, and what a page of it shows."""

from __future__ import annotations

import json
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_releases import Compare, Made, make_schema_1, package, read, with_changes

from builder.difference import wording
from builder.difference.compare import compare
from builder.difference.page import render
from builder.difference.printable import escape_unprintable
from builder.recipe.models import Recipe

HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e&\"'"


def test_sections(compared: Compare, debian: Recipe) -> None:
    """Packages, files, settings, steps and tools are each told once; files of the overlay are no files of the tree."""
    before = Made(debian, "1.0", packages=[package("a", "1")], tree=[("usr/a", 0o755, b"1", "a")], steps={"tree": "1"})
    after = Made(
        with_changes(debian, debian__packages=(*debian.debian.packages, "tmux"), cluster__domain="other.home"),
        "2.0",
        packages=[package("a", "2"), package("tmux", "3")],
        tree=[("usr/a", 0o4755, b"12", "a"), ("usr/tmux", 0o755, b"t", "tmux")],
        steps={"tree": "2"},
        tools={"zstd": "2"},
    )
    found = compared(before, after)
    assert not found.is_empty
    assert [(each.name, each.way) for each in found.packages or ()] == [("a", "up"), ("tmux", "added")]
    assert [(group.package, len(group.files)) for group in found.files or ()] == [("a", 1), ("tmux", 1)]
    assert found.overlay
    assert "etc/hosts" in [change.path for change in found.overlay.files]
    assert [change.key for change in found.settings] == ["cluster.domain", "debian.packages"]
    assert found.settings[1].added == ("tmux",)
    assert [change.name for change in found.steps] == ["tree"]
    assert [(change.name, change.before, change.after) for change in found.tools] == [("zstd", "", "2")]
    assert not [change for change in found.bundle.files if "ssi1" in change.path]
    assert json.loads(json.dumps(asdict(found)))["files"][0]["files"][0]["after"]["mode"] == "4755"


def test_releases_of_two_recipes(compared: Compare, debian: Recipe, kerrighed: Recipe) -> None:
    """Releases of different recipes are compared, and it is told that they are such."""
    found = compared(Made(debian, "1.0"), Made(kerrighed, "1.0"))
    assert not found.same_recipe
    assert {"root.access", "kerrighed"} <= {change.key for change in found.settings}
    assert "releases of different recipes" in render(found)


def test_schema_1(tmp_path: Path, debian: Recipe) -> None:
    """Of a release of schema 1 it is told what is not known, and the rest is compared."""
    old = Made(debian, "1.0", packages=[package("a", "1-1")], steps={"tree": "1"}).write(tmp_path)
    make_schema_1(old)
    new = Made(debian, "2.0", packages=[package("a", "1-1+deb13u1", None)], steps={"tree": "2"}).write(tmp_path)
    found = compare(read(old), read(new))
    assert (found.files, found.overlay) == (None, None)
    assert [remark.removeprefix(f"{old}: ") for remark in found.remarks] == [
        "It names no parts of its files, so that each file that differs from another release's counts as new.",
        "It has no list of its tree, tree.tsv.zst.",
        "The files that are rendered into its tree are not compared.",
    ]
    assert not found.security_known
    assert [change.mark for change in found.packages or ()] == ["stable update"]
    assert found.nodes
    assert [aspect.after for group in found.nodes.groups for aspect in group.aspects] == ["another tree"]
    assert "by the form of its version" in wording.explain_security(found)


def test_former_names_of_keys(tmp_path: Path, debian: Recipe) -> None:
    """A release whose manifest has keys by their former names differs from one with the present names in nothing."""
    debian = with_changes(debian, ports=("9100/tcp",))
    old = Made(debian, "1.0", packages=[package("a", "1")]).write(tmp_path)
    document = json.loads((old / "manifest.json").read_bytes())
    document["recipe"]["access"] = {**document["recipe"].pop("login"), "ports": document["recipe"].pop("ports")}
    (old / "manifest.json").write_text(json.dumps(document))
    found = compare(read(old), read(Made(debian, "2.0", packages=[package("a", "1")]).write(tmp_path)))
    assert found.settings == ()
    assert found.nodes


def test_recipe_that_cannot_be_read(tmp_path: Path, debian: Recipe) -> None:
    """Of a release whose recipe is another nfsroot's the nodes are not known, and the rest is compared."""
    directory = Made(debian, "1.0", packages=[package("a", "1")]).write(tmp_path)
    document = json.loads((directory / "manifest.json").read_bytes())
    del document["recipe"]["boot"]
    (directory / "manifest.json").write_text(json.dumps(document))
    found = compare(read(directory), read(Made(debian, "2.0").write(tmp_path)))
    assert found.nodes is None
    assert [change.name for change in found.packages or ()] == ["a"]
    assert any("Its nodes are not known" in remark for remark in found.remarks)


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


def test_page_escapes_what_a_release_brings(compared: Compare, debian: Recipe) -> None:
    """Nothing of a release becomes a tag, a control character or a turn of the direction of writing."""
    before = Made(debian, "1.0", tools={HOSTILE: "1"})
    after = Made(
        with_changes(debian, image__description=HOSTILE, kernel__arguments=(HOSTILE,)),
        "2.0",
        packages=[package(HOSTILE, HOSTILE)],
        tree=[("usr/x\\x1b", 0o755, b"1", HOSTILE)],
        steps={HOSTILE: "1"},
    )
    text = render(compared(before, after))
    page = Page(text)
    assert "script" not in page.tags
    assert "alert(1)" in page.text
    assert not [sign for sign in text if not sign.isprintable() and sign != "\n"]


def test_page_of_nothing(compared: Compare, debian: Recipe) -> None:
    """A page of releases that differ in names alone says so."""
    assert "Nothing differs but names and versions." in render(compared(Made(debian, "1.0"), Made(debian, "2.0")))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \u00e9", "plain \u00e9"),
        ("a\tb", "a\tb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u202ex", "\\u202ex"),
        ("\x9b", "\\x9b"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    """What would move a cursor or turn writing is shown as an escape, all else as it is."""
    assert escape_unprintable(text) == shown


def test_lone_surrogate() -> None:
    """Half a character, which JSON can name and UTF-8 cannot, is shown as an escape."""
    assert escape_unprintable("\ud800") == "\\ud800"
