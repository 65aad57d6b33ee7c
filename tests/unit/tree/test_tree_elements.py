"""What jobs see of elements: what the plan has hashed, whatever is edited meanwhile."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path

import pytest

from builder.cache import Cache
from builder.errors import InputError
from builder.recipe.element_models import Element
from builder.recipe.models import Recipe
from builder.tree.elements import digest, snapshot

SOURCE_DATE = 1763200000


@pytest.fixture
def store(tmp_path: Path) -> Cache:
    """A cache of this test's own."""
    return Cache(tmp_path / "cache")


@pytest.fixture
def element(tmp_path: Path) -> Element:
    """An element with a hook behind a link, files of several modes, and text for people."""
    path = tmp_path / "elements/mine"
    (path / "v1").mkdir(parents=True)
    (path / "v1/50-hook").write_text("#!/bin/sh\n")
    (path / "v1/50-hook").chmod(0o700)
    (path / "install.d").symlink_to("v1")
    (path / "static/srv/empty").mkdir(parents=True)
    (path / "secret").write_text("not executable")
    (path / "secret").chmod(0o600)
    (path / "README.rst").write_text("What it does")
    (path / "element.toml").write_text('description = "What it does"')
    (path / "__pycache__").mkdir()
    return Element(name="mine", path=path, description="What it does")


@pytest.fixture
def recipe(kerrighed: Recipe, element: Element) -> Recipe:
    """A recipe of that one element."""
    return kerrighed.model_copy(update={"elements": (element,)})


def digests(recipe: Recipe) -> dict[str, str]:
    """The digest of each element, as a plan has them."""
    return {element.name: digest(element) for element in recipe.elements}


def test_copy_is_what_was_hashed(recipe: Recipe, store: Cache) -> None:
    """Jobs see hooks, links and empty directories, nothing that no job needs, all of one time and of two modes."""
    with snapshot(recipe, digests(recipe), SOURCE_DATE, store) as copied:
        (copy,) = copied.elements
        assert digest(copy) == digest(recipe.elements[0])
        found = {str(path.relative_to(copy.path)): path.lstat() for path in sorted(copy.path.rglob("*"))}
        assert set(found) == {"install.d", "secret", "static", "static/srv", "static/srv/empty", "v1", "v1/50-hook"}
        assert (copy.path / "install.d").readlink() == Path("v1")
        assert {status.st_mtime for status in found.values()} == {SOURCE_DATE}
        assert stat.S_IMODE(found["v1/50-hook"].st_mode) == 0o755
        assert stat.S_IMODE(found["secret"].st_mode) == 0o644
        assert copied.model_dump(mode="json") == recipe.model_dump(mode="json")
    assert list((store.root / "unfinished").iterdir()) == []


def test_edit_during_a_build_is_not_seen(recipe: Recipe, store: Cache) -> None:
    """Who edits an element while a build runs changes the next build."""
    hook = recipe.elements[0].path / "v1/50-hook"
    with snapshot(recipe, digests(recipe), SOURCE_DATE, store) as copied:
        before = digest(copied.elements[0])
        hook.write_text("#!/bin/sh\nexit 1\n")
        assert (copied.elements[0].path / "v1/50-hook").read_text() == "#!/bin/sh\n"
        assert digest(copied.elements[0]) == before != digest(recipe.elements[0])


EDITS = {
    "content": lambda path: (path / "v1/50-hook").write_text("exit 1"),
    "mode": lambda path: (path / "secret").chmod(0o755),
    "link": lambda path: (path / "install.d").rename(path / "root.d"),
    "new file": lambda path: (path / "element-deps").write_text("nfsroot"),
    "file gone": lambda path: (path / "secret").unlink(),
    "all gone": lambda path: path.rename(path.with_name("yours")),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edit_after_planning_is_refused(recipe: Recipe, store: Cache, edit: str) -> None:
    """An element that is no longer the one of the plan is not built with under that one's key."""
    planned = digests(recipe)
    EDITS[edit](recipe.elements[0].path)
    with (
        pytest.raises(InputError, match="element mine was changed"),
        snapshot(recipe, planned, SOURCE_DATE, store),
    ):
        pytest.fail("an edited element must not be built with")
    assert list((store.root / "unfinished").iterdir()) == []


@pytest.mark.parametrize("seed", range(20))
def test_copy_of_whatever_there_is(tmp_path: Path, kerrighed: Recipe, store: Cache, seed: int) -> None:
    """A copy has the digest of its element, and two elements that differ have two, whatever files are in them."""
    one, other = (element_of(tmp_path / name, random.Random(seed)) for name in ("one", "other"))
    recipe = kerrighed.model_copy(update={"elements": (one,)})
    with snapshot(recipe, digests(recipe), SOURCE_DATE, store) as copied:
        assert digest(copied.elements[0]) == digest(one) == digest(other)
        chosen = random.Random(seed).choice([path for path in sorted(other.path.rglob("*")) if path.is_file()])
        chosen.write_bytes(chosen.read_bytes() + b"x")
        assert digest(copied.elements[0]) != digest(other)


def element_of(path: Path, chance: random.Random) -> Element:
    """An element of files, directories and links by chance."""
    places = [path]
    path.mkdir()
    (path / "hook").write_bytes(chance.randbytes(9))
    for number in range(chance.randrange(20)):
        made = chance.choice(places) / os.fsdecode(chance.choice([b"a%d", b"caf\xe9%d", b".b %d", b"c\n%d"]) % number)
        match chance.randrange(4):
            case 0:
                made.mkdir()
                places.append(made)
            case 1:
                made.symlink_to(chance.choice(["hook", "../hook", "nowhere", "/etc/passwd", "."]))
            case _:
                made.write_bytes(chance.randbytes(chance.choice([0, 1, 70000])))
                made.chmod(chance.choice([0o600, 0o644, 0o755, 0o4755]))
    return Element(name="mine", path=path, description="")
