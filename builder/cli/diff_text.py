"""Prints a difference as lines for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from builder.cli.output import write
from builder.difference import wording
from builder.difference.compare import Difference
from builder.difference.listing import Change, FileChange, PackageFiles
from builder.difference.packages import Mark, PackageChange
from builder.difference.printable import escape_unprintable
from builder.difference.texts import TextChanges

MOST_FILES = 20
"""Files of a package that are listed, where its version is the same: JSON and page have all."""
MOST_LINES = 60
"""Lines of a file's diff that are shown."""
LONGEST_LINE = 1000
"""Characters of a diff's line that are shown."""
STYLES = {"+": "green", "-": "red", "^": "cyan", "v": "yellow", "~": "cyan", "@": "dim"}


class Line(NamedTuple):
    """A line with its style in words of rich."""

    text: str
    style: str = ""


def show(difference: Difference) -> None:
    """Print a difference, in colours on a terminal; NO_COLOR and TERM are heeded (rich's manual)."""
    if not sys.stdout.isatty():
        write("\n".join(escape_unprintable(line.text) for line in lines(difference)))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for line in lines(difference):
        console.print(Text(escape_unprintable(line.text), style=line.style), soft_wrap=True)


def lines(difference: Difference) -> Iterator[Line]:
    """All lines, section by section; sections without anything are left out."""
    before, after = difference.before, difference.after
    yield Line(f"{before.title} -> {after.title}", "bold")
    if not difference.same_recipe:
        yield Line(f"These are releases of different recipes: {before.name} and {after.name}.", "yellow")
    for remark in difference.remarks:
        yield Line(f"note     {remark}", "yellow")
    yield Line(f"kernel   {wording.describe_kernel(before, after)}")
    if difference.is_empty:
        yield Line("Nothing differs but names and versions.")
    yield from _section("Nodes at their next boot", _nodes(difference))
    yield from _section("Packages", _packages(difference))
    yield from _section("Settings of the recipe", _settings(difference))
    yield from _section("Files of the tree", _files(difference))
    yield from _section("Files that are rendered into the tree", _texts(difference.overlay))
    yield from _section("Server bundle", _texts(difference.bundle))
    yield from _section("Made anew", _steps(difference))


def _section(title: str, content: Iterable[Line]) -> Iterator[Line]:
    found = list(content)
    if found:
        yield Line("")
        yield Line(title, "bold")
        yield from found


def _nodes(difference: Difference) -> Iterator[Line]:
    nodes = difference.nodes
    for group in nodes.groups if nodes else ():
        yield _signed(wording.SIGNS[group.change], wording.fold(group.nodes))
        for aspect in group.aspects:
            yield Line(f"      {aspect.what}: {wording.describe_aspect(aspect)}")
    if nodes and nodes.groups and nodes.same:
        yield Line(f"  = {wording.fold(nodes.same)} boot as before")


def _packages(difference: Difference) -> Iterator[Line]:
    changes = difference.packages or ()
    width = min(40, max((len(wording.name_package(change)) for change in changes), default=0))
    for change in changes:
        yield _package(change, width)
    if explanation := wording.explain_security(difference):
        yield Line(f"  {explanation}", "dim")
    if changes:
        yield Line(f"  {wording.count(difference.packages_same, 'package')} unchanged", "dim")


def _package(change: PackageChange, width: int) -> Line:
    mark = f"  {change.mark}" if change.mark else ""
    name = wording.name_package(change).ljust(width)
    line = _signed(wording.WAYS[change.way], f"{name}  {wording.describe_versions(change)}{mark}")
    return line._replace(style="bold red") if change.mark in (Mark.SECURITY, Mark.SECURITY_LOST) else line


def _settings(difference: Difference) -> Iterator[Line]:
    for change in difference.settings:
        yield Line(f"  {change.key}: {wording.describe_setting(change)}")


def _files(difference: Difference) -> Iterator[Line]:
    changes = difference.packages or ()
    updated = {name for change in changes for name in (change.name, change.old_name) if name}
    for group in difference.files or ():
        name = group.package or "in no package"
        yield Line(f"  {name}: +{group.added} -{group.removed} ~{group.changed}, {wording.describe_bytes(group.bytes)}")
        if group.package.partition(":")[0] not in updated:
            yield from _listed(group)


def _listed(group: PackageFiles) -> Iterator[Line]:
    """Yield the files of a package with the same version, or of no package; directories, which say least, come last."""
    for change in sorted(group.files, key=_is_directory)[:MOST_FILES]:
        yield Line(f"      {wording.SIGNS[change.change]} /{change.path}  {wording.describe_file(change)}")
    yield from _more(len(group.files) - MOST_FILES, "file")


def _is_directory(change: FileChange) -> bool:
    return any(entry is not None and entry.type == "d" for entry in (change.before, change.after))


def _texts(changes: TextChanges | None) -> Iterator[Line]:
    for change in changes.files if changes else ():
        shown = ", not shown" if change.withheld else ""
        lines_told = f"{change.path}  +{change.added} -{change.removed} lines{shown}"
        yield _signed(wording.SIGNS[change.change], lines_told)
        for line in islice(change.diff, MOST_LINES if change.change is Change.CHANGED else 0):
            yield Line(f"      {wording.shorten(line, LONGEST_LINE)}", STYLES.get(line[:1], ""))
        if change.change is Change.CHANGED:
            yield from _more(len(change.diff) - MOST_LINES, "line")
    if changes and changes.files and (others := wording.describe_others(changes.names_only)):
        yield Line(f"  {others}", "dim")


def _steps(difference: Difference) -> Iterator[Line]:
    if difference.steps:
        yield Line(f"  {', '.join(change.name for change in difference.steps)}")
    for tool in difference.tools:
        yield Line(f"  {tool.name} {tool.before or 'absent'} -> {tool.after or 'absent'}")


def _more(number: int, noun: str) -> Iterator[Line]:
    if number > 0:
        yield Line(f"      ... and {wording.count(number, f'more {noun}')} (--json and --html have all)", "dim")


def _signed(sign: str, text: str) -> Line:
    return Line(f"  {sign} {text}", STYLES.get(sign, ""))
