"""The files of nfsroot that `nfsroot-site` needs, found by following its imports."""

from __future__ import annotations

from pathlib import Path

from builder.cli.site import SiteVerbs
from builder.code import PROGRAM, TEMPLATES

PROJECT = Path(__file__).parents[2]


def site_modules() -> list[str]:
    """The modules of `nfsroot-site`, of all its verbs, and all that these import, sorted.

    Modules that a function imports when it is called are among them.
    """
    verbs = (f"{SiteVerbs.modules}.{verb}" for verb in SiteVerbs.verbs)
    return sorted({"builder", *PROGRAM.reached((SiteVerbs.modules, *verbs))})


def site_files() -> list[Path]:
    """The files of these modules and the templates that they fill, relative to the project's directory, sorted."""
    found: set[Path] = set()
    for name in site_modules():
        module = PROGRAM.module(name)
        found.add(module.file)
        if TEMPLATES in module.imports:
            found.update((module.file.parent / "templates").rglob("*.j2"))
    return sorted(file.relative_to(PROJECT) for file in found)
