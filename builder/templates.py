"""Templates of text files, which stand in the directory `templates` of the package that renders them."""

from __future__ import annotations

import shlex
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


@cache
def _template(package: str, name: str) -> Template:
    """A template, which jinja2 would look for at each use: at three for every node."""
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
