"""Templates of text files.  They stand in the directory `templates` of the package that renders them."""

from __future__ import annotations

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
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from builder.compiled_templates import find_compiled

    environment = Environment(
        loader=PackageLoader(package),
        bytecode_cache=find_compiled(Path(str(sys.modules[package].__file__)).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["quote"] = shlex.quote
    return environment
