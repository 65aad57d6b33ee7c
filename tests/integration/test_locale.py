"""A build in a locale that is not UTF-8 gives the release that a build in UTF-8 gives."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Project

pytestmark = pytest.mark.container


def test_latin_1(project: Callable[..., Project], tmp_path: Path) -> None:
    """Every file of a recipe with other letters than ASCII's is the same, and the checksums are right."""
    subprocess.run(["localedef", "-i", "en_US", "-f", "ISO-8859-1", tmp_path / "en_US"], check=True)
    made = project("base", "tree", "initramfs", "nic-drivers", "pxegrub")
    plain = made.directory / "recipes/tiny.toml"
    text = '\n[image]\nname = "big"\nversion = "1.0"\ndescription = "Größe \u2014 5 \u20ac"\n'
    recipe = os.fsencode(plain.parent) + "/Größe \u2014.toml".encode()
    Path(os.fsdecode(recipe)).write_text(plain.read_text(encoding="utf-8") + text, encoding="utf-8")
    sums = {}
    for locale in ("C.UTF-8", "en_US"):
        command = ["sh", "-c", f'exec "$@" "$(printf %s "$RECIPE")" --output=out-{locale}', "sh"]
        environment = {"LOCPATH": str(tmp_path), "LC_ALL": locale, "RECIPE": os.fsdecode(recipe)}
        done = made.run("build", f"--cache-dir={made.cache}", around=command, env=environment)
        assert done.status == 0, done.errors
        release = made.directory / f"out-{locale}/big/1.0"
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=release, check=True)
        sums[locale] = (release / "SHA256SUMS").read_bytes()
    assert sums["en_US"] == sums["C.UTF-8"]
