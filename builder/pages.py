"""The environment of the templates of HTML pages.

Pages are reports about releases and no part of one.  So no step imports this module, and a page may use the templates
of several packages: `builder.code` would not count those in a step's key.
"""

from __future__ import annotations

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def page_environment(*packages: str, **settings: Any) -> Environment:
    """The environment of the templates of HTML pages in `packages`, in which every value is text and never markup.

    `settings` are further ones of jinja2's Environment.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **settings,
    )
