"""What each file of this program changes: the steps that run its code, what is made of these, and no other step."""

from __future__ import annotations

import shutil
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from made_up import changed, known, made_up, make

import builder
from builder.code import Code
from builder.container import image
from builder.plan import code
from builder.recipe.choices import RootKind

TOP = Path(builder.__file__).parent
FILES = sorted(str(path.relative_to(TOP)) for pattern in ("*.py", "*.j2") for path in TOP.rglob(pattern))

CONTENT = {"content"}
BUNDLE = {"server-bundle", *CONTENT}
OVERLAY = {"overlay", *CONTENT}
CHEAP = {*OVERLAY, *BUNDLE}
PXEGRUB = {"pxegrub", *BUNDLE}
ROOT_IMAGE = {"root-image", *CONTENT}
NIC_DRIVERS = {"nic-drivers", *BUNDLE}
INITRAMFS = {"initramfs", *NIC_DRIVERS}
TREE = {"tree", *ROOT_IMAGE, *INITRAMFS, *CHEAP}
BASE = {"base", *TREE}
EVERYTHING = {*BASE, *PXEGRUB}

CHANGES: dict[str, set[str]] = {
    "*": set(),  # the command line, the lab, the capacity model, what reads recipes, what plans ...
    "__init__.py": CHEAP,
    "executor.py": CONTENT,
    "workspace.py": CONTENT,
    "memory.py": CONTENT,
    "process.py": EVERYTHING,
    "umask.py": EVERYTHING,
    "container/*": EVERYTHING,
    "container/mirror.py": set(),
    "container/image.py": set(),  # it changes the builder image's own key
    "cache.py": BASE,
    "ownership.py": BASE,
    "code.py": BASE,
    "keys.py": BASE,
    "tree/*": BASE,
    "debian/*": BASE,
    "difference/*": set(),
    "sbom/*": set(),
    "debian/security.py": CONTENT,  # what the manifest says of packages
    "debian/conflicts.py": set(),  # what chooses packages: they are inputs
    "debian/selection.py": set(),
    "debian/refusals.py": set(),
    "debian/choice.py": set(),
    "debian/wants.py": set(),
    "tree/build.py": TREE,
    "tree/root_image.py": ROOT_IMAGE,
    "tree/beside.py": INITRAMFS,
    "tree/owned_paths.py": TREE,
    "boot/__init__.py": {*PXEGRUB, *INITRAMFS},
    "boot/initramfs.py": INITRAMFS,
    "boot/nic_drivers.py": NIC_DRIVERS,
    "boot/pxegrub.py": PXEGRUB,
    "boot/arguments.py": BUNDLE,
    "boot/boot_files.py": BUNDLE,
    "boot/menus.py": BUNDLE,
    "boot/templates/*": BUNDLE,
    "overlay/*": OVERLAY,
    "server/*": BUNDLE,
    "settings/*": BUNDLE,
    "settings/__init__.py": CHEAP,
    "settings/reports.py": CHEAP,
    "settings/logs.py": CHEAP,
    "server/neighbours.py": set(),
    "rendered_files.py": CHEAP,
    "headers.py": CHEAP,
    "layout.py": CHEAP,
    "release_names.py": CHEAP,
    "disk.py": CONTENT,
    "compiled_templates.py": CHEAP,
    "templates.py": CHEAP,
    "parallel.py": {*PXEGRUB, *CHEAP},
    "packing/*": CHEAP,
    "packing/tree_list.py": OVERLAY,
    "release/*": CONTENT,
    "release/proof.py": set(),
    "release/reading.py": set(),
    "release/source.py": set(),
    "release/unpacking.py": set(),
    "release/verdict.py": set(),
    "release/versions.py": set(),
    "recipe/__init__.py": CHEAP,
    "recipe/choices.py": CHEAP,
    "recipe/former_names.py": CHEAP,
    "recipe/patterns.py": CHEAP,
    "recipe/base_model.py": CHEAP,
    "recipe/element_models.py": CHEAP,
    "recipe/models.py": CHEAP,
    "recipe/place.py": CHEAP,
    "recipe/nics.py": CHEAP,
    "recipe/secret_values.py": CHEAP,
}
"""What a change of a file makes anew; the last pattern that matches counts."""


def expected(file: str) -> set[str]:
    """What a change of `file` makes anew."""
    return next(steps for pattern, steps in reversed(CHANGES.items()) if fnmatchcase(file, pattern))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this program."""
    copy = tmp_path_factory.mktemp("program") / "builder"
    shutil.copytree(TOP, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def keys(program: Path) -> dict[str, str | None]:
    """Key of each step, and of the release's content, when a program plans a build with every step that there is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(code, "PROGRAM", Code(program))
        plan = make(changed(made_up(), "root.kind", RootKind.IMAGE), known())
    return {**{step.name: step.key for step in plan.steps}, "content": plan.content}


@pytest.fixture(scope="module")
def before(program: Path) -> dict[str, str | None]:
    """The keys of the program as it is."""
    return keys(program)


@pytest.mark.parametrize("file", FILES)
def test_file_changes_its_steps_and_no_others(program: Path, file: str, before: dict[str, str | None]) -> None:
    """A changed module or template costs the steps that run it, and those that are made of what they make."""
    text = (program / file).read_text()
    (program / file).write_text(f"{text}# changed\n")
    after = keys(program)
    (program / file).write_text(text)
    assert {name for name in before if before[name] != after[name]} == expected(file)


def test_table_has_no_file_that_is_gone() -> None:
    """Every pattern of the table is that of a file."""
    assert [pattern for pattern in CHANGES if not any(fnmatchcase(file, pattern) for file in FILES)] == []


def test_builder_image_is_of_the_code_that_makes_it(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What bootstraps the builder image counts for that; what only runs in it or beside it does not."""
    monkeypatch.setattr(image, "PROGRAM", Code(program))
    before = image.definition()
    for file, counts in (("container/image.py", True), ("container/sandbox.py", False)):
        text = (program / file).read_text()
        (program / file).write_text(f"{text}# changed\n")
        monkeypatch.setattr(image, "PROGRAM", Code(program))
        assert (image.definition() != before) == counts
        (program / file).write_text(text)
