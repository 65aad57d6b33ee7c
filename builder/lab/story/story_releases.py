"""The releases of a story: the release under test, and others that differ from it in one thing each."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.errors import InputError
from builder.lab.released.release import Release
from builder.recipe.choices import Access
from builder.recipe.models import Recipe

PACKAGE = "tree"
"""The package that an update adds: it has 100 kB, depends on the C library alone, and starts no service."""

UNIT = "never-complete"
HOOK = f"""\
#!/bin/bash
# A unit that boot-complete.target needs, and that fails.
set -euo pipefail
units=/etc/systemd/system
printf '[Unit]\\nDescription=Fail\\n[Service]\\nType=oneshot\\nExecStart=/bin/false\\n' >"$units/{UNIT}.service"
mkdir -p "$units/boot-complete.target.requires"
ln -s "../{UNIT}.service" "$units/boot-complete.target.requires/{UNIT}.service"
"""
DESCRIPTION = 'description = "A unit of boot-complete.target that fails"\n'

OTHER_CLUSTER = """\
domain = "other.home"
subnet = "10.77.0.0/24"
gateway = "10.77.0.1"

[server]
name = "{server}"
address = "10.77.0.1"

[[nodes]]
names = "other[1-2]"
addresses = "10.77.0.[11-12]"
macs = ["52:54:00:00:77:01", "52:54:00:00:77:02"]
"""

Build = Callable[[Path, str], Release]
"""A function that builds a release of this version from the recipe in a file."""


@dataclass(frozen=True)
class ExtraRelease:
    """A release that a story needs beside the release under test.

    `letter` is its name in the story, and `is_what` describes it.  `keys` and `tables` are the text that its recipe
    adds to the recipe of the release under test.  `image` is the name of the release, if it is another one.
    """

    letter: str
    is_what: str
    keys: str = ""
    tables: str = ""
    image: str = ""


EXTRA_RELEASES = (
    ExtraRelease("B", f"an update, with the package {PACKAGE}", tables=f'[debian]\npackages = ["{PACKAGE}"]\n'),
    ExtraRelease(
        "C",
        "a release whose nodes never reach boot-complete.target",
        keys=f'elements = ["{UNIT}"]\n',
        tables='[paths]\nelements = ["elements"]\n',
    ),
    ExtraRelease(
        "D", "a release that is damaged after it was signed", tables='[kernel]\narguments = ["story=damaged"]\n'
    ),
    ExtraRelease(
        "other",
        "a release of a second cluster, on a network of its own",
        keys='cluster = "second.toml"\n',
        image="other",
    ),
)


def need_suitable(recipe: Recipe) -> None:
    """Check that a story can be played with the releases of a recipe.

    :raises InputError: the nodes share one writable root, or the root does not come over NFS.
    """
    if recipe.root.access is Access.READ_WRITE:
        raise InputError(
            f"the nodes of {recipe.image.name} share one writable root, so that all of them boot the same release",
            resolution='Take a recipe with access = "ro" under [root], such as debian-nfsroot.',
        )
    if not recipe.needs_nfs:
        raise InputError(f"the root of {recipe.image.name} does not come over NFS, whose exports the story is about")


def render_recipe(part: ExtraRelease, base: str, name: str) -> str:
    """Render the recipe of an extra release; it extends `base`, and `name` is the name of the release under test."""
    image = f"[image]\nname = {json.dumps(part.image or name)}\n"
    return f"extends = {json.dumps(base)}\n{part.keys}{image}{part.tables}"


def write_recipes(directory: Path, base: str, recipe: Recipe) -> Mapping[str, Path]:
    """Write the recipes of all extra releases, with the files that they need, and give their paths by letter."""
    hooks = directory / "elements" / UNIT / "install.d"
    hooks.mkdir(parents=True)
    (hooks.parent / "element.toml").write_text(DESCRIPTION, encoding="utf-8")
    hook = hooks / f"50-{UNIT}"
    hook.write_text(HOOK, encoding="utf-8")
    hook.chmod(0o755)
    cluster = OTHER_CLUSTER.format(server=recipe.cluster.server.name)
    (directory / "second.toml").write_text(cluster, encoding="utf-8")
    files = {part.letter: directory / f"{part.letter.lower()}.toml" for part in EXTRA_RELEASES}
    for part in EXTRA_RELEASES:
        files[part.letter].write_text(render_recipe(part, base, recipe.image.name), encoding="utf-8")
    return files


def gather_releases(
    first: Release, base: str, directory: Path, build: Build, letters: Container[str]
) -> Mapping[str, Release]:
    """Gather the releases of a story by letter: `first` is A, and those in `letters` are built as later versions.

    `base` is the recipe that A was built from, `directory` gets the recipes of all other releases.
    """
    files = write_recipes(directory, base, first.recipe)
    version = first.manifest.version
    wanted = [part.letter for part in EXTRA_RELEASES if part.letter in letters]
    return {"A": first} | {letter: build(files[letter], f"{version}.{letter.lower()}") for letter in wanted}
