"""Compares the boots of nodes from two releases: the nodes that change, and their changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from builder.difference.listing import Change
from builder.difference.menus import Menu
from builder.difference.subject import Subject
from builder.difference.texts import TextChanges
from builder.recipe.models import Node, Recipe, WritableDirectory

TO_BE_MADE = "to be made"
"""The word in place of the digest of a file that the next build makes anew."""


@dataclass(frozen=True)
class Aspect:
    """A property of a node's boot that differs: its name, its values before and after, or words in `after` alone."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class NodeGroup:
    """Nodes that change in the same way; added and removed nodes have no aspects."""

    nodes: tuple[str, ...]
    change: Change
    aspects: tuple[Aspect, ...]


@dataclass(frozen=True)
class NodeChanges:
    """All nodes of two sides: those that change, in groups, and those that boot as before, `same`."""

    groups: tuple[NodeGroup, ...]
    same: tuple[str, ...]


def compare_nodes(before: Subject, after: Subject, root: str, overlay: TextChanges | None) -> NodeChanges | None:
    """The nodes that change, and those that do not; None when the nodes of a side are not known.

    `root` is the difference between the trees in words, empty when they are equal; `overlay` are the overlay's changes.
    """
    if before.recipe is None or after.recipe is None:
        return None
    comparison = _Comparison(before, after, before.recipe, after.recipe, root, overlay)
    groups: dict[tuple[Change, tuple[Aspect, ...]], list[str]] = defaultdict(list)
    same = []
    old = {node.name: node for node in before.recipe.cluster.nodes}
    new = {node.name: node for node in after.recipe.cluster.nodes}
    for name in dict.fromkeys((*new, *old)):
        if name in old and name in new:
            aspects = tuple(comparison.aspects(old[name], new[name]))
            if aspects:
                groups[Change.CHANGED, aspects].append(name)
            else:
                same.append(name)
        else:
            groups[Change.ADDED if name in new else Change.REMOVED, ()].append(name)
    return NodeChanges(
        tuple(NodeGroup(tuple(names), change, aspects) for (change, aspects), names in groups.items()), tuple(same)
    )


@dataclass(frozen=True)
class _Comparison:
    """The comparison of two sides; the changes that all nodes share are found once."""

    before: Subject
    after: Subject
    old: Recipe
    new: Recipe
    root: str
    overlay: TextChanges | None

    def aspects(self, old: Node, new: Node) -> Iterator[Aspect]:
        """Yield the differences of a node that is on both sides."""
        if old.address != new.address:
            yield Aspect("address", str(old.address), str(new.address))
        if old.mac != new.mac:
            yield Aspect("MAC address", old.mac, new.mac)
        yield from self._of_all
        yield from self._initramfs(old.nic, new.nic)
        yield from self._menu(old, new)

    @cached_property
    def _of_all(self) -> tuple[Aspect, ...]:
        return tuple(
            (*self._root(), *self._overlay(), *self._kernel(), *self._loaders(), *_writable(self.old, self.new))
        )

    def _root(self) -> Iterator[Aspect]:
        if self.root:
            yield Aspect("root", "", self.root)
        for name in ("kind", "transport", "access", "nfs_version", "format"):
            one, other = getattr(self.old.root, name), getattr(self.new.root, name)
            if one != other:
                yield Aspect(f"root {name}", str(one), str(other))

    def _overlay(self) -> Iterator[Aspect]:
        if self.overlay and self.overlay.files:
            yield Aspect("overlay", "", ", ".join(file.path for file in self.overlay.files))

    def _kernel(self) -> Iterator[Aspect]:
        one, other = self.before.manifest.kernel_version, self.after.manifest.kernel_version
        if one != other:
            yield Aspect("kernel", one, other)
        elif _digest(self.before, f"vmlinuz-{one}") != _digest(self.after, f"vmlinuz-{other}"):
            planned = self.before.is_recipe or self.after.is_recipe
            yield Aspect("kernel", "", "known when it is built" if planned else "another file of the same version")

    def _loaders(self) -> Iterator[Aspect]:
        one, other = _loaders(self.before), _loaders(self.after)
        differing = sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))
        if differing:
            yield Aspect("boot loader", "", ", ".join(path.rpartition("/")[2] for path in differing))

    def _initramfs(self, old_nic: str | None, new_nic: str | None) -> Iterator[Aspect]:
        if old_nic != new_nic:
            yield Aspect("NIC driver", old_nic or "", new_nic or "")
        one, other = (_initramfs(side, nic) for side, nic in ((self.before, old_nic), (self.after, new_nic)))
        if one != other:
            yield Aspect("initramfs", "", "made anew" if TO_BE_MADE in (one, other) else "another file")

    def _menu(self, old: Node, new: Node) -> Iterator[Aspect]:
        one, other = Menu.read(self.before, old), Menu.read(self.after, new)
        if one.arguments != other.arguments:
            gone = [each for each in one.arguments if each not in other.arguments]
            come = [each for each in other.arguments if each not in one.arguments]
            yield Aspect("kernel line", " ".join(gone), " ".join(come) or ("" if gone else "another order"))
        elif one.node_id != other.node_id:
            yield Aspect("node_id", one.node_id, other.node_id)
        if one.rest != other.rest:
            yield Aspect("menu", "", "other text")


def _digest(side: Subject, path: str) -> str:
    return side.boot_files.get(path, "")


def _initramfs(side: Subject, nic: str | None) -> str:
    stem = f"initrd.img-{side.manifest.kernel_version}"
    return _digest(side, f"{stem}.{nic}" if nic else stem)


def _loaders(side: Subject) -> Mapping[str, str]:
    return {path: digest for path, digest in side.boot_files.items() if path.startswith("pxegrub/")}


def _writable(old: Recipe, new: Recipe) -> Iterator[Aspect]:
    one, other = ({each.path: each for each in recipe.root.writable} for recipe in (old, new))
    for path in sorted(one.keys() | other.keys()):
        if one.get(path) != other.get(path):
            yield Aspect(f"writable {path}", _kind(one.get(path)), _kind(other.get(path)))


def _kind(directory: WritableDirectory | None) -> str:
    if directory is None:
        return ""
    return f"{directory.kind}, {directory.size_mib} MiB" if directory.size_mib else str(directory.kind)
