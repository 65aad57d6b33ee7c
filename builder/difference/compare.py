"""The difference between two subjects, as one value that terminal, JSON and page show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from builder.difference.listing import PackageFiles, compare_listings
from builder.difference.menus import find_node_menus
from builder.difference.nodes import NodeChanges, compare_nodes
from builder.difference.packages import PackageChange, compare_packages
from builder.difference.settings import SettingChange, compare_settings
from builder.difference.subject import Subject
from builder.difference.texts import TextChanges, compare_texts
from builder.release.unpacking import Text
from builder.settings.release import FILE as SETTINGS_FILE

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Side:
    """The names and versions of a release or a recipe; `source_date` is in seconds since 1970 (UTC)."""

    title: str
    is_recipe: bool
    name: str
    version: str
    kernel_version: str
    source_date: int


@dataclass(frozen=True)
class ToolChange:
    """A tool that has another version for the second release, or a step that has another key."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Difference:
    """The differences between two sides, `before` and `after`; a field is None where one side is not known.

    `security_known` says whether the second manifest tells which updates of packages are for security.
    `packages_same` counts packages that are in both in one version.  `bundle` are settings and common menus of the
    server bundle, `overlay` the files that are rendered into the tree, `files` all other files of the tree.  `remarks`
    are sentences about facts that are not known.
    """

    before: Side
    after: Side
    same_recipe: bool
    security_known: bool
    packages: tuple[PackageChange, ...] | None
    packages_same: int
    files: tuple[PackageFiles, ...] | None
    overlay: TextChanges | None
    bundle: TextChanges
    nodes: NodeChanges | None
    settings: tuple[SettingChange, ...]
    steps: tuple[ToolChange, ...]
    tools: tuple[ToolChange, ...]
    remarks: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing that is known differs, apart from the releases' names."""
        changes = (self.packages, self.files, self.overlay and self.overlay.files, self.bundle.files, self.settings)
        return not any(changes) and not (self.nodes and self.nodes.groups) and not self.steps


def compare(before: Subject, after: Subject) -> Difference:
    """The difference between two sides.

    :raises InputError: the list of a tree is damaged.
    """
    names = (before.names, after.names)
    overlay = packages = None
    rendered: set[str] = set()
    if before.overlay is not None and after.overlay is not None:
        overlay = compare_texts(before.overlay, after.overlay, names)
        rendered = {*before.overlay, *after.overlay}
    if before.packages is not None and after.packages is not None:
        packages = compare_packages(before.packages, after.packages)
    files = _compare_files(before, after, rendered)
    # settings.json repeats the menus and the servers' settings.
    told_elsewhere = find_node_menus(before.recipe, after.recipe) | {SETTINGS_FILE}
    root = _words_on_root(before, after, packages, files)
    return Difference(
        before=_side(before),
        after=_side(after),
        same_recipe=before.manifest.name == after.manifest.name,
        security_known=_tells_security(after),
        packages=packages,
        packages_same=_count_same(before, after),
        files=files,
        overlay=overlay,
        bundle=compare_texts(_without(before.bundle, told_elsewhere), _without(after.bundle, told_elsewhere), names),
        nodes=compare_nodes(before, after, root, overlay),
        settings=compare_settings(before.settings, after.settings),
        steps=tuple(_compare_values(before.steps, after.steps)),
        tools=tuple(_compare_values(before.manifest.tools, after.manifest.tools)),
        remarks=tuple(dict.fromkeys((*before.remarks, *after.remarks))),
    )


def _side(subject: Subject) -> Side:
    manifest = subject.manifest
    return Side(
        subject.title, subject.is_recipe, manifest.name, manifest.version, manifest.kernel_version, manifest.source_date
    )


def _compare_files(before: Subject, after: Subject, rendered: set[str]) -> tuple[PackageFiles, ...] | None:
    if before.listing is None or after.listing is None:
        return None
    what = (f"the list of {before.title}", f"the list of {after.title}")
    return compare_listings(before.listing, after.listing, rendered, what=what)


def _words_on_root(
    before: Subject,
    after: Subject,
    packages: tuple[PackageChange, ...] | None,
    files: tuple[PackageFiles, ...] | None,
) -> str:
    """The difference between the trees in words; empty when they are equal."""
    if files is None:
        made = "made anew" if before.is_recipe or after.is_recipe else "another tree"
        return "" if before.steps.get("tree") == after.steps.get("tree") else made
    count = sum(len(group.files) for group in files)
    said = [f"{count} file{'s' if count != 1 else ''}"] if count else []
    if packages:
        said.insert(0, f"{len(packages)} package{'s' if len(packages) != 1 else ''}")
    return ", ".join(said)


def _tells_security(subject: Subject) -> bool:
    return all(package.security is not None for package in subject.packages or ())


def _count_same(before: Subject, after: Subject) -> int:
    old, new = (
        {(each.name, each.architecture, each.version) for each in side.packages or ()} for side in (before, after)
    )
    return len(old & new)


def _without(texts: Mapping[str, Text], paths: frozenset[str]) -> dict[str, Text]:
    return {path: text for path, text in texts.items() if path not in paths}


def _compare_values(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[ToolChange]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield ToolChange(name, before.get(name, ""), after.get(name, ""))
