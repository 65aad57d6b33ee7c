"""Templates of text files.  They stand in the directory `templates` of the package that renders them.

jinja2 compiles a template to a Python program, which takes longer than filling the template.  The program is kept
beside the template in `__pycache__`, as Python keeps those of modules (PEP 3147): a build after a node was added to a
cluster takes an eighth less time.  Before jinja2 uses a kept program, it compares the digest of the template in it.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def fill(package: str, name: str, /, **values: object) -> str:
    """The text of the template `name`.j2 of `package`.

    The filter `quote` in templates quotes for a shell, and for GRUB 2, which quotes as shells do (GRUB manual,
    "Quoting").

    :raises jinja2.UndefinedError: the template names a value that is not among `values`.
    """
    return _template(package, name).render(values)


def filler(package: str, name: str, /, **values: object) -> Callable[..., str]:
    """A function that fills the macro `text` of the template `name`.j2 of `package`, for many similar texts.

    `values` are common to all texts; the function takes the values that differ.  `fill` would have jinja2 process all
    values for each text, which takes longer than filling a short text.

    :raises jinja2.UndefinedError: (in the function) the template names a value that it was not given.
    """
    macros: dict[str, Callable[..., str]] = vars(_template(package, name).make_module(values))
    return macros["text"]


@cache
def _template(package: str, name: str) -> Template:
    """The template, kept because jinja2 would look for its file at each use."""
    return _environment(package).get_template(f"{name}.j2")


@cache
def _environment(package: str) -> Environment:
    # A build that finds its release fills nothing, and does not wait for jinja2 to be imported.
    from jinja2 import Environment, FileSystemBytecodeCache, PackageLoader, StrictUndefined
    from jinja2.bccache import Bucket

    class Compiled(FileSystemBytecodeCache):
        """A cache of compiled templates that goes on when the disk is full: the next build compiles them again."""

        def dump_bytecode(self, bucket: Bucket) -> None:
            with contextlib.suppress(OSError):
                super().dump_bytecode(bucket)

    directory = _compiled(Path(str(sys.modules[package].__file__)).parent / "templates")
    environment = Environment(
        loader=PackageLoader(package),
        bytecode_cache=Compiled(str(directory)) if directory else None,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["quote"] = shlex.quote
    return environment


def _compiled(templates: Path) -> Path | None:
    """The directory for compiled templates; None when it is not writable, or Python is told to write none."""
    directory = templates / "__pycache__"
    if sys.dont_write_bytecode:
        return None
    try:
        directory.mkdir(exist_ok=True)
    except OSError:  # an installation that belongs to somebody else
        return None
    return directory if os.access(directory, os.W_OK) else None
