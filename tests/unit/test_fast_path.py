"""What a build found is found again without reading a recipe, and only as long as nothing that it came from differs."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder import fast_path
from builder.cache import Cache
from builder.events import Caution, Notice
from builder.fast_path import Invocation, RecordedBuild

LATER = math.inf
"""A time after every change."""

REMARKS = (Caution("nobody can log in"), Notice("Debian trixie as of yesterday"))


@dataclass(frozen=True)
class World:
    """A directory with a recipe, an element and a release of them, and a cache that remembers what was found."""

    directory: Path
    cache: Cache
    invocation: Invocation
    answer: RecordedBuild

    @property
    def found(self) -> RecordedBuild | None:
        """What is found without a build."""
        return fast_path.find(self.cache, self.invocation)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which a build has just found its release."""
    monkeypatch.chdir(tmp_path)
    for name in ("TAKEN_ALONG", "ELEMENTS_PATH"):
        monkeypatch.setenv(name, "")  # a change may set it, which the end of the test undoes
        monkeypatch.delenv(name)
    recipe, element, release = tmp_path / "recipes/mine.toml", tmp_path / "elements/mine", tmp_path / "output/mine/1.0"
    for directory in (recipe.parent, element, release):
        directory.mkdir(parents=True)
    recipe.write_text('extends = "kerrighed"')
    (element / "element.toml").write_text("packages = []")
    (release / "manifest.json").write_text(json.dumps({"content": "c" * 24, "lab": "none"}))
    cache, answer = Cache(tmp_path / "cache"), RecordedBuild(release, REMARKS)
    invocation = Invocation("mine", None, None, str(tmp_path / "output"), str(tmp_path))
    cache.set_pointer("archive", "trixie", "state")
    read = fast_path.take_fingerprint([recipe, element, tmp_path / "not there"], [tmp_path / "more"], ["TAKEN_ALONG"])
    fast_path.record(cache, invocation, answer, read, LATER, [cache.pointer_file("archive", "trixie")])
    return World(tmp_path, cache, invocation, answer)


def test_what_was_found_is_found_again(world: World) -> None:
    """As long as nothing differs, the same release is found, with the same remarks; a verdict changes no content."""
    assert world.found == world.answer
    manifest = world.answer.directory / "manifest.json"
    manifest.write_text(manifest.read_text().replace("none", "passed"))
    assert world.found == world.answer


CHANGES: dict[str, Callable[[Path], object]] = {
    "recipe": lambda here: (here / "recipes/mine.toml").write_text('extends = "debian-nfsroot"'),
    "recipe gone": lambda here: (here / "recipes/mine.toml").unlink(),
    "element": lambda here: (here / "elements/mine/element.toml").write_text("packages = ['vim']"),
    "hook of an element": lambda here: (here / "elements/mine/10-new").write_text("#!/bin/sh"),
    "link of an element": lambda here: (here / "elements/mine/install.d").symlink_to("v1"),
    "directory of an element": lambda here: (here / "elements/mine/install.d").mkdir(),
    "mode of an element's file": lambda here: (here / "elements/mine/element.toml").chmod(0o755),
    "element that hides another": lambda here: (here / "elements/nfsbooted").mkdir(),
    "element in a directory of the recipe": lambda here: (here / "more/nfsbooted").mkdir(parents=True),
    "variable that is taken along": lambda _: os.environ.update(TAKEN_ALONG="1"),
    "path of elements": lambda here: os.environ.update(ELEMENTS_PATH=str(here)),
    "recipe that hides another": lambda here: (here / "recipes/kerrighed.toml").write_text(""),
    "archive": lambda here: Cache(here / "cache").set_pointer("archive", "trixie", "other state"),
    "file that was not there": lambda here: (here / "not there").write_text(""),
    "release": lambda here: (here / "output/mine/1.0").rename(here / "output/mine/2.0"),
    "content of the release": lambda here: (here / "output/mine/1.0/manifest.json").write_text('{"content": "d"}'),
    "damaged manifest": lambda here: (here / "output/mine/1.0/manifest.json").write_text("{"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_asks_for_a_build(world: World, change: str) -> None:
    """Whatever differs of what the answer came from, nothing is found: the build decides."""
    CHANGES[change](world.directory)
    assert world.found is None


def test_element_that_hides_another_asks_for_a_build(world: World) -> None:
    """An element that appears in a directory of elements may hide the one that was taken."""
    (world.directory / "elements/nfsbooted").mkdir()
    (world.directory / "elements/nfsbooted/element.toml").write_text("")
    assert world.found is None


@pytest.mark.parametrize(
    "other",
    [
        {"recipe": "yours"},
        {"version": "1.0"},
        {"source_date": 0},
        {"output": "elsewhere"},
        {"directory": "/elsewhere"},
    ],
)
def test_another_question_has_no_answer(world: World, other: dict[str, str | int]) -> None:
    """What was found for one invocation says nothing of another."""
    assert fast_path.find(world.cache, world.invocation._replace(**other)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("damage", ["{", "[]", '{"directory": 1}', '{"directory": ".", "content": "c"}'])
def test_damaged_memory_is_none(world: World, damage: str) -> None:
    """A record that a crash damaged costs a build's time and nothing else."""
    (remembered,) = world.cache.root.glob("answers/*.json")
    remembered.write_text(damage)
    assert world.found is None


def test_changed_program_asks_for_a_build(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of nfsroot itself decides anew."""
    (world.directory / "builder").mkdir()
    (world.directory / "builder/__init__.py").write_text("")
    monkeypatch.setattr("builder.__file__", str(world.directory / "builder/__init__.py"))
    fast_path.record(world.cache, world.invocation, world.answer, fast_path.take_fingerprint([]), LATER, [])
    assert world.found == world.answer
    (world.directory / "builder/plan.py").write_text("")
    assert world.found is None


def test_changed_module_asks_for_a_build_whatever_its_size_and_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module with another content counts as changed, even when its size and its time of modification are as before.

    Modules that Python compiles meanwhile do not count.
    """
    module = world.directory / "builder/__init__.py"
    module.parent.mkdir()
    module.write_text("A = 1\n")
    os.utime(module, (1, 1))
    monkeypatch.setattr("builder.__file__", str(module))
    fast_path.record(world.cache, world.invocation, world.answer, fast_path.take_fingerprint([]), LATER, [])
    (module.parent / "__pycache__").mkdir()
    (module.parent / "__pycache__/plan.pyc").write_bytes(b"")
    assert world.found == world.answer
    time.sleep(fast_path.TICK)
    module.write_text("A = 2\n")
    os.utime(module, (1, 1))
    assert world.found is None


def test_change_during_a_build_asks_for_another(world: World) -> None:
    """Who changes the recipe while it is built is not told that the release of before holds the change."""
    recipe = world.directory / "recipes/mine.toml"
    read = fast_path.take_fingerprint([recipe])
    recipe.write_text("changed meanwhile")
    fast_path.record(world.cache, world.invocation, world.answer, read, LATER, [])
    assert world.found is None


def test_change_for_a_moment_asks_for_another(world: World) -> None:
    """Who changes a recipe or a hook while it is built, and takes that back, is not told that it is built."""
    for changed in (world.directory / "recipes/mine.toml", world.directory / "elements/mine"):
        world.cache.remember_answer(world.invocation.name, {})
        read = fast_path.take_fingerprint([changed])
        fast_path.record(world.cache, world.invocation, world.answer, read, time.time() - 60, [])
        assert world.found is None
        fast_path.record(world.cache, world.invocation, world.answer, read, LATER, [])
        assert world.found == world.answer


IMPORTED = """
import sys
from builder.cli.main import main
sys.argv = ["nfsroot", "build", "mine"]
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def test_finding_imports_nothing_heavy(world: World) -> None:
    """A build that finds its release reads no recipe: it tells the remarks and the release, without the models."""
    environment = {**os.environ, "NFSROOT_CACHE_DIR": str(world.cache.root)}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        cwd=world.directory,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"Nothing changed: the release is {world.answer.directory} (")
    remarks, loaded = done.stderr.rsplit("\n", 2)[:2]
    assert remarks == "caution: nobody can log in\nDebian trixie as of yesterday"
    assert not {"pydantic", "jinja2", "rich", "tomli", "builder.build"} & set(loaded.split())
