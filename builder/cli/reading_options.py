"""Options of the verbs that read stores: an NFS server has these verbs, too.

This module imports nothing that an NFS server lacks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from builder.cli.output import write
from builder.cli.render import LOG_FORMATS

if TYPE_CHECKING:
    from builder.events import Emit
    from builder.store.transfer import Transfers

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kMG]?)")
FACTORS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
AGE = re.compile(r"([0-9]+)([dh])")

MANIFEST = "manifest.json"


def _rate(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    found = RATE.fullmatch(value)
    if not found or float(found[1]) == 0:
        raise click.BadParameter(f"{value!r} is no rate in bytes per second, such as 500k or 20M.")
    return float(found[1]) * FACTORS[found[2]]


def _age(_ctx: click.Context, _param: click.Parameter, value: str | None) -> timedelta | None:
    if value is None:
        return None
    found = AGE.fullmatch(value)
    if not found:
        raise click.BadParameter(f"{value!r} is no age, such as 7d or 12h.")
    return timedelta(days=int(found[1])) if found[2] == "d" else timedelta(hours=int(found[1]))


from_option: Decorator = click.option(
    "--from",
    "store",
    required=True,
    metavar="STORE",
    envvar="NFSROOT_STORE",
    help="The store: a path, a URL or a name.",
)
from_trusted_option: Decorator = click.option(
    "--from",
    "store",
    metavar="STORE",
    envvar="NFSROOT_STORE",
    help="The store: a path, a URL or a name. [default: the trusted one]",
)
trust_option: Decorator = click.option(
    "--trust", metavar="SHA256:...", help="Trust the store with this fingerprint, or with the first root in this file."
)
max_age_option: Decorator = click.option(
    "--max-age", callback=_age, metavar="AGE", help="Refuse a store that was signed longer ago, such as 7d."
)
limit_option: Decorator = click.option(
    "--limit", callback=_rate, metavar="RATE", help="Move at most this many bytes per second, such as 20M."
)
log_format_option: Decorator = click.option(
    "--log-format", type=click.Choice(LOG_FORMATS), help="[default: live on a terminal, else lines]"
)


def warn(text: str) -> None:
    """Write a sentence about secrets that others may read to standard error."""
    write(text, err=True)


def transfers(show: Emit, limit: float | None) -> Transfers:
    """The transfers of a verb, with their limit in bytes per second and their display."""
    from builder.store.transfer import Limit, Transfers

    return Transfers(show, Limit(limit))
