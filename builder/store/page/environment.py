"""The templates of the pages, in which every value is text, and the style and the script that each page carries."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from builder.compiled_templates import find_compiled
from builder.difference.printable import escape_unprintable
from builder.pages import page_environment


def make_environment() -> Environment:
    """The environment of the pages' templates, and of the templates with which the lab's own report draws boots."""
    environment = page_environment(
        "builder.store.page",
        "builder.lab.report",
        bytecode_cache=find_compiled(Path(__file__).parent / "templates"),
        finalize=lambda value: escape_unprintable(value) if type(value) is str else value,
    )
    style = _read(environment, "page.css") + _read(environment, "timeline.css.j2")
    script = _read(environment, "page.js")
    environment.globals |= {
        "style": Markup(style),
        "script": Markup(script),
        "style_digest": _digest(style),
        "script_digest": _digest(script),
    }
    return environment


def _read(environment: Environment, name: str) -> str:
    assert environment.loader is not None, "the environment has been given one"
    return environment.loader.get_source(environment, name)[0]


def _digest(text: str) -> str:
    """A source of a content security policy that allows this text alone (CSP level 3, section 2.3.1)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
