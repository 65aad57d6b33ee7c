"""The manual page nfsroot-site(8), made from the --help of each verb and from hand-written sections.

The page is written in the macros of man(7).  Its hand-written sections are in deploy/debian/nfsroot-site.8.j2.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from builder.cli.site import command as group

NAME = "nfsroot-site"
LITERAL = "\b"
"""The mark on a line of its own after which click leaves the lines of a paragraph as they are."""


@dataclass(frozen=True)
class Option:
    """An option as --help shows it: its forms, and one sentence or more."""

    forms: str
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of a verb's help; with `is_literal`, its lines stay as they are."""

    text: str
    is_literal: bool


@dataclass(frozen=True)
class Verb:
    """A verb: its name, its usage, the paragraphs of its help, and its options."""

    name: str
    usage: str
    paragraphs: tuple[Paragraph, ...]
    options: tuple[Option, ...]


def manual(template: Path, version: str, epoch: int) -> str:
    """The manual page, with one newline between any two lines; `epoch` is its time in seconds since 1970."""
    environment = Environment(loader=FileSystemLoader(template.parent), undefined=StrictUndefined, trim_blocks=True)
    environment.filters["roff"] = roff
    filled = environment.get_template(template.name).render(
        version=version,
        date=datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d"),
        common=_options(group, click.Context(group, info_name=NAME, **group.context_settings)),
        verbs=list(verbs()),
    )
    return re.sub(r"\n{2,}", "\n", filled)


def verbs() -> Iterator[Verb]:
    """Yield each verb in the order of --help."""
    parent = click.Context(group, info_name=NAME, **group.context_settings)
    for name in group.list_commands(parent):
        verb = group.get_command(parent, name)
        assert verb is not None, f"{NAME} lists {name} and has no such verb"
        context = click.Context(verb, info_name=name, parent=parent)
        usage = " ".join((name, *verb.collect_usage_pieces(context)))
        yield Verb(name, usage, tuple(_paragraphs(verb.help or "")), _options(verb, context))


def roff(text: str) -> str:
    r"""Text with roff's escapes: a hyphen is a - for readers who copy it, and no line begins with a macro."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"^(?=[.'])", r"\\&", escaped, flags=re.MULTILINE)


def _paragraphs(text: str) -> Iterator[Paragraph]:
    for part in inspect.cleandoc(text).split("\n\n"):
        is_literal = part.startswith(LITERAL)
        lines = part.removeprefix(LITERAL).strip("\n")
        yield Paragraph(lines if is_literal else " ".join(lines.split()), is_literal)


def _options(command: click.Command, context: click.Context) -> tuple[Option, ...]:
    """The options of a command in the order of --help, but for --help itself."""
    records = (parameter.get_help_record(context) for parameter in command.params)
    return tuple(Option(*record) for record in records if record)
