"""Names in the list of a tree."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest

from builder.errors import InputError
from builder.store.tree_check import compare_tree
from builder.store.tree_entries import COLUMNS, escape, unescape


@pytest.mark.parametrize("seed", range(20))
def test_names_survive(seed: int) -> None:
    """Any name that a file can have comes back from the form in which the list has it, which is one printable line."""
    chance = random.Random(seed)
    alphabet = [b"a", b"\\", b"x", b"\n", b"\t", b"\x1b", b"\xff", "é".encode(), b"\\x41", "\u2028".encode()]
    name = os.fsdecode(b"".join(chance.choices(alphabet, k=12)))
    assert unescape(escape(name)) == name
    assert escape(name).isprintable()


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside", "a/../../b"])
def test_list_that_leads_outside(tmp_path: Path, path: str) -> None:
    """A list that names a path outside the tree is refused before anything there is looked at."""
    lines = ["\t".join(COLUMNS), "\t".join([path, "f", "0644", "0", "0", "1", "0" * 64, "", ""])]
    with pytest.raises(InputError, match="outside the tree"):
        list(compare_tree(tmp_path, lines))


@pytest.mark.parametrize("lines", [[], ["path\ttype"], ["\t".join(COLUMNS), "etc/fstab\tf"]])
def test_what_is_no_list(tmp_path: Path, lines: list[str]) -> None:
    """Lines that are no list of a tree are said to be none."""
    with pytest.raises(InputError, match="the list of the tree has"):
        list(compare_tree(tmp_path, lines))


def test_large_files_are_compared_like_small_ones(tmp_path: Path) -> None:
    """A large file that has other bytes, another size, is a link or a directory, or is missing, differs in that."""
    tree = tmp_path / "tree"
    tree.mkdir()
    large, digest = bytes(1 << 20), hashlib.sha256(bytes(1 << 20)).hexdigest()
    names = ("same", "other", "grown", "link", "directory", "missing")
    rows = ["\t".join([name, "f", "0644", "0", "0", str(len(large)), digest, "", ""]) for name in names]
    for name, content in {"same": large, "other": b"x" + large[1:], "grown": large + b"x", "far": large}.items():
        (tree / name).write_bytes(content)
        (tree / name).chmod(0o644)
    (tree / "link").symlink_to("far")
    (tree / "directory").mkdir()
    owner = f"owner {os.getuid()}:{os.getgid()}, and not 0:0"
    found = {each.name: each.what.replace(f"{owner}; ", "") for each in compare_tree(tree, ["\t".join(COLUMNS), *rows])}
    found = {name: what for name, what in found.items() if what != owner}
    assert found == {
        "other": "other content",
        "grown": "other content",
        "link": "is of type l, and not f",
        "directory": "is of type d, and not f",
        "missing": "is missing",
        "far": "was added",
    }
