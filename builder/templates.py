"""Templates of text files, which stand in the directory `templates` of the package that renders them."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def fill(package: str, name: str, /, **values: object) -> str:
    """The text of the template `name`.j2 of `package`.

    The filter `quote` quotes for a shell, and for GRUB 2, which quotes as shells do (GRUB manual, "Quoting").

    :raises jinja2.UndefinedError: the template names a value that is not among `values`.
    """
    return _template(package, name).render(values)


def filler(package: str, name: str, /, **values: object) -> Callable[..., str]:
    """What fills the macro `text` of the template `name`.j2 of `package` for each of many, given what they differ in.

    `values` are what they share: for `fill`, jinja2 would take note of all values each time, which takes longer than
    a short text.

    :raises jinja2.UndefinedError: (when it fills) the template names a value that it was not given.
    """
    macros: dict[str, Callable[..., str]] = vars(_template(package, name).make_module(values))
    return macros["text"]


@cache
def _template(package: str, name: str) -> Template:
    """A template, which jinja2 would look for at each use."""
    return _environment(package).get_template(f"{name}.j2")


@cache
def _environment(package: str) -> Environment:
    # A build that finds its release fills nothing, and does not wait for jinja2 to be imported.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["quote"] = shlex.quote
    return environment
