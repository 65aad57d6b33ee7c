"""The page status.html: the nodes of a site, for a desk and a telephone, without a script."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from builder.pages import page_environment
from builder.site.status import NodeStatus, SiteStatus
from builder.site.status_words import evidence_words, minute, state_words

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = "status.html.j2"
STYLE = "status.css.j2"
ORDER = ("bad", "warn", "none", "channel", "ok")
"""Kinds of marks in the order of the page: nodes that need attention come first."""


class Marked(NamedTuple):
    """A node with its mark: a word, and a class of the style sheet."""

    node: NodeStatus
    mark_word: str
    mark_kind: str


def render_page(status: SiteStatus, server: str, now: float) -> str:
    """The HTML page about a site on the machine `server`; all values in it are text, never markup."""
    recipes: dict[str, list[Marked]] = {}
    for node in status.nodes:
        recipes.setdefault(node.recipe, []).append(Marked(node, *find_mark(node)))
    for nodes in recipes.values():
        nodes.sort(key=lambda marked: ORDER.index(marked.mark_kind))
    template = _environment().get_template(TEMPLATE)
    return template.render(status=status, recipes=recipes, server=server, now=now, written=minute(now))


def find_mark(node: NodeStatus) -> tuple[str, str]:
    """The mark of a node: a word, and a class of the style sheet."""
    seen = node.sighting
    if node.differs:
        return "differs", "bad"
    if node.trial and node.trial != "confirmed":
        return "on trial", "warn"
    if seen is None:
        return "never seen", "none"
    if seen.failed:
        return seen.state, "warn"
    if node.changes_at_boot:
        return "next boot", "channel"
    return "as switched", "ok"


@cache
def _environment() -> Environment:
    from markupsafe import Markup

    environment = page_environment("builder.site")
    style = environment.get_template(STYLE).render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment.globals |= {"style": Markup(style), "style_digest": f"sha256-{digest}"}
    environment.filters |= {
        "minute": minute,
        "evidence": evidence_words,
        "state": lambda node: "; ".join(state_words(node)),
    }
    return environment
