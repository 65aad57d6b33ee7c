"""Words for the parts of a difference, which terminal and page share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ClusterShell.NodeSet import NodeSet, NodeSetException

from builder.counting import count as count
from builder.difference.compare import Difference, Side
from builder.difference.listing import Change, Entry, FileChange
from builder.difference.nodes import Aspect
from builder.difference.packages import PackageChange, Way
from builder.difference.settings import SettingChange

SIGNS = {Change.ADDED: "+", Change.REMOVED: "-", Change.CHANGED: "~"}
WAYS = {Way.ADDED: "+", Way.REMOVED: "-", Way.UP: "^", Way.DOWN: "v", Way.OTHER: "~"}
COLUMNS = {"sha256": "content", "target": "link target"}
"""The names that people see for columns of a tree's list, where they differ."""
LONGEST = 200
"""The most characters of a value that are shown."""


def fold(nodes: Iterable[str]) -> str:
    """Names of nodes as ranges: `ssi[1-4]`."""
    names = list(nodes)
    try:
        return str(NodeSet.fromlist(names))
    except NodeSetException:  # names that no cluster file can have
        return ", ".join(names)


def name_package(change: PackageChange) -> str:
    """A package's name, with the name of the package that it replaces before it."""
    return f"{change.old_name} -> {change.name}" if change.old_name else change.name


def describe_versions(change: PackageChange) -> str:
    """A package's version, or the versions before and after the change."""
    return " -> ".join(version for version in (change.before, change.after) if version)


def describe_file(change: FileChange) -> str:
    """The differences of a file: `mode 0644 -> 4755, size 10 -> 12, content`."""
    if change.before is None or change.after is None:
        entry = change.after or change.before
        return _describe(entry) if entry else ""
    return ", ".join(_describe_columns(change.columns, change.before, change.after))


def _describe_columns(columns: Iterable[str], before: Entry, after: Entry) -> Iterator[str]:
    for column in columns:
        name = COLUMNS.get(column, column)
        if column == "sha256" and before.sha256 and after.sha256:
            yield name
        else:
            yield f"{name} {getattr(before, column) or 'none'} -> {getattr(after, column) or 'none'}"


def _describe(entry: Entry) -> str:
    what = f" -> {entry.target}" if entry.target else f", {entry.size} bytes" if entry.size else ""
    return f"{entry.type} {entry.mode} {entry.owner}:{entry.group}{what}"


def describe_bytes(number: int) -> str:
    """A change of the size of files: `+1.2 MB`."""
    return f"{number / 1e6:+.1f} MB" if abs(number) >= 100_000 else f"{number:+d} bytes"


def describe_aspect(aspect: Aspect) -> str:
    """An aspect's values: `a -> b`, or its words."""
    if aspect.before:
        return f"{aspect.before} -> {aspect.after or 'nothing'}"
    return aspect.after


def describe_setting(change: SettingChange) -> str:
    """A setting's values, or the items of a list."""
    items = [*(f"+ {each}" for each in change.added), *(f"- {each}" for each in change.removed)]
    return shorten(", ".join(items) or f"{change.before or 'absent'} -> {change.after or 'absent'}")


def shorten(text: str, longest: int = LONGEST) -> str:
    """The text, or its beginning with dots behind it."""
    return text if len(text) <= longest else f"{text[:longest]}..."


def describe_kernel(before: Side, after: Side) -> str:
    """The kernel's version, or both versions where they differ."""
    if before.kernel_version == after.kernel_version:
        return before.kernel_version
    return f"{before.kernel_version} -> {after.kernel_version}"


def explain_security(difference: Difference) -> str:
    """The meaning of the marks at packages; empty when no update is marked."""
    if not any(change.mark for change in difference.packages or ()):
        return ""
    if difference.security_known:
        return "security: the security archive had a newer version than the one before, and the new one is not older."
    return (
        "stable update: by the form of its version (+debNuM), for security or otherwise; "
        "a manifest of an older nfsroot does not say which."
    )


def describe_others(number: int) -> str:
    """A sentence with the number of texts that differ in the releases' names alone; empty when there are none."""
    verb = "differs" if number == 1 else "differ"
    return f"{count(number, 'more file')} {verb} in names and versions alone" if number else ""
