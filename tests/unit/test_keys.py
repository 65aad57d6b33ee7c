"""Keys: pure functions of what is declared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.keys import digest_of_files, key_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON))
def test_order_of_declaration_does_not_count(inputs: dict[str, object]) -> None:
    """The same inputs, declared in another order, have the same key."""
    assert key_of(inputs) == key_of(dict(reversed(inputs.items())))


@given(st.dictionaries(st.text(), JSON), st.text(), JSON)
def test_every_input_counts(inputs: dict[str, object], name: str, value: object) -> None:
    """Another value of an input, or one input more, is another key."""
    other = {**inputs, name: [value]}
    if other != inputs:
        assert key_of(other) != key_of(inputs)


def test_form_of_a_key() -> None:
    """A key is short enough for a directory's name and says nothing else."""
    assert key_of({}) == "44136fa355b3678a1146ad16"


@pytest.mark.parametrize("value", [{"a", "b"}, object(), b"bytes", Path("here")])
def test_what_has_no_json_form_is_refused(value: object) -> None:
    """A set, whose order is chance, or an object, whose words hold an address, never makes a key."""
    with pytest.raises(TypeError):
        key_of({"input": value})


@pytest.fixture
def element(tmp_path: Path) -> Path:
    """A directory with a hook in a folder of its own."""
    (tmp_path / "root.d").mkdir()
    (tmp_path / "root.d/10-bootstrap").write_text("#!/bin/sh\n")
    return tmp_path


def test_content_name_and_mode_count(element: Path) -> None:
    """A file's content, its name, its executable bit and its presence each change the digest."""
    hook = element / "root.d/10-bootstrap"
    seen = {digest_of_files(element)}
    hook.write_text("#!/bin/bash\n")
    seen.add(digest_of_files(element))
    hook.chmod(0o755)
    seen.add(digest_of_files(element))
    hook = hook.rename(element / "root.d/20-bootstrap")
    seen.add(digest_of_files(element))
    (element / "README.rst").write_text("")
    seen.add(digest_of_files(element))
    assert len(seen) == 5


def test_time_owner_and_byproducts_do_not_count(element: Path) -> None:
    """A checkout and an installed copy have one digest: times, other mode bits and __pycache__ do not count."""
    before = digest_of_files(element)
    hook = element / "root.d/10-bootstrap"
    hook.chmod(0o600)
    hook.write_text(hook.read_text())
    (element / "__pycache__").mkdir()
    (element / "__pycache__/x.pyc").write_bytes(b"code")
    assert digest_of_files(element) == before


def test_links_count_by_their_target(element: Path) -> None:
    """A link that leads elsewhere is another element, whether it leads to a directory, a file or nothing."""
    (element / "v1").mkdir()
    (element / "v2").mkdir()
    seen = {digest_of_files(element)}
    for target in ("v1", "v2", "root.d/10-bootstrap", "nothing", "install.d"):
        (element / "install.d").unlink(missing_ok=True)
        (element / "install.d").symlink_to(target)
        seen.add(digest_of_files(element))
    assert len(seen) == 6


def test_content_behind_links_counts_once(element: Path) -> None:
    """What a link leads to is not read through it: inside it counts as itself, and outside no job sees it."""
    outside = element.with_name(f"{element.name}-outside")
    outside.write_text("one")
    (element / "link").symlink_to(outside)
    before = digest_of_files(element)
    outside.write_text("other")
    assert digest_of_files(element) == before


def test_directories_count_and_sockets_do_not(element: Path) -> None:
    """An empty directory is part of an element; what has no content is not read."""
    before = digest_of_files(element)
    os.mkfifo(element / "fifo")
    assert digest_of_files(element) == before
    (element / "empty").mkdir()
    assert digest_of_files(element) != before


def test_name_that_is_no_utf8(element: Path) -> None:
    """A file's name may be any bytes."""
    before = digest_of_files(element)
    (element / os.fsdecode(b"caf\xe9")).write_text("")
    assert digest_of_files(element) != before


def test_left_out_at_the_top(element: Path) -> None:
    """Names may be left out at the top; further down they count."""
    (element / "README.rst").write_text("")
    (element / "root.d/README.rst").write_text("")
    before = digest_of_files(element, without=["README*"])
    (element / "README.rst").write_text("changed")
    assert digest_of_files(element, without=["README*"]) == before
    (element / "root.d/README.rst").write_text("changed")
    assert digest_of_files(element, without=["README*"]) != before


def test_content_does_not_move_between_files(tmp_path: Path) -> None:
    """What stands at the end of one file or the start of the next is not the same."""
    for name, first, second in (("one", "ab", "c"), ("two", "a", "bc")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1").write_text(first)
        (tmp_path / name / "2").write_text(second)
    assert digest_of_files(tmp_path / "one") != digest_of_files(tmp_path / "two")


def test_patterns_choose(element: Path) -> None:
    """Only files that match a pattern count, each once."""
    before = digest_of_files(element, ["*-bootstrap", "10-*"])
    (element / "README.rst").write_text("")
    assert digest_of_files(element, ["*-bootstrap"]) == before
