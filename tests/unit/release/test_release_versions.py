"""Versions: found by content, named by date, never given twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from release_manifest import manifest

from builder.errors import InputError
from builder.release.manifest import FILE
from builder.release.versions import contents, holding, next_version, taken

DAY = 1763200000  # 2025-11-15 09:46:40 UTC


def test_version_is_the_source_date() -> None:
    """Without a version wanted, it is the source date in UTC."""
    assert next_version({}, None, DAY) == "2025.11.15"
    assert next_version({}, None, 1763250000 - 1) == "2025.11.15"


def test_second_release_of_a_day() -> None:
    """A date that has a release gets .1, then .2, whatever other dates have."""
    names = {"2025.11.15": "a", "2025.11.16": "b"}
    assert next_version(names, None, DAY) == "2025.11.15.1"
    assert next_version({**names, "2025.11.15.1": "c"}, None, DAY) == "2025.11.15.2"


def test_first_free_number() -> None:
    """A number whose release was removed is free again."""
    assert next_version({"2025.11.15": "a", "2025.11.15.2": "b"}, None, DAY) == "2025.11.15.1"


def test_wanted_version() -> None:
    """A version that is wanted and free is the version."""
    assert next_version({"1.0": "a"}, "1.1", DAY) == "1.1"


def test_taken_version_is_refused() -> None:
    """A release is never changed: its version is not given to other content."""
    with pytest.raises(InputError) as caught:
        next_version({"1.0": "a"}, "1.0", DAY)
    assert "release 1.0 exists and holds something else" in caught.value.brief
    assert "--version" in caught.value.resolution


def test_release_that_holds_the_content() -> None:
    """Content that has a release is found; when a version is wanted, only under that one."""
    releases = {"1.0": "a", "1.1": "b"}
    assert holding(releases, "b", None) == "1.1"
    assert holding(releases, "b", "1.1") == "1.1"
    assert holding(releases, "b", "1.0") is None
    assert holding(releases, "c", None) is None


def test_contents_of_a_directory(tmp_path: Path) -> None:
    """Releases count, directories without a manifest and unfinished ones do not."""
    for name in ("1.0", "1.1", ".1.2.unfinished"):
        (tmp_path / name).mkdir()
    (tmp_path / "1.0" / FILE).write_text(manifest(content="a").text())
    (tmp_path / ".1.2.unfinished" / FILE).write_text(manifest(content="b").text())
    assert contents(tmp_path) == {"1.0": "a"}
    assert contents(tmp_path / "nowhere") == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"content": 1}', "[" * 100_000, "\xff"])
def test_damaged_manifest_is_of_unknown_content(tmp_path: Path, text: str) -> None:
    """A release whose manifest cannot be read is never found, and its version is not given again."""
    (tmp_path / "1.0").mkdir()
    (tmp_path / "1.0" / FILE).write_bytes(text.encode("latin-1"))
    assert contents(tmp_path) == {"1.0": None}
    assert holding(contents(tmp_path), "a", None) is None
    assert "1.0" in taken(tmp_path)


def test_manifest_of_another_nfsroot_has_a_content(tmp_path: Path) -> None:
    """The key of the content is all that a build asks of another release; what else its manifest says may be new."""
    (tmp_path / "1.0").mkdir()
    (tmp_path / "1.0" / FILE).write_text('{"schema_version": 9, "content": "a", "new": {"x": 1}}')
    assert contents(tmp_path) == {"1.0": "a"}


def test_whatever_bears_a_name_has_it(tmp_path: Path) -> None:
    """A directory, a file or a link that is no release takes its name from releases, which go round it."""
    (tmp_path / "2025.11.15").mkdir()
    (tmp_path / "2025.11.15.1").write_text("")
    (tmp_path / "2025.11.15.2").symlink_to("nowhere")
    assert next_version(taken(tmp_path), None, DAY) == "2025.11.15.3"
    with pytest.raises(InputError, match=r"release 2025\.11\.15 exists"):
        next_version(taken(tmp_path), "2025.11.15", DAY)
    assert taken(tmp_path / "nowhere") == frozenset()
