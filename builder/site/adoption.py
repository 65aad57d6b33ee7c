"""Takes over the directories of a release that somebody put in place without nfsroot-site, by the bundle's install.sh.

A directory is taken over as it is when it has what the release has: the tree is compared with its list, images and
served files with the digests of those in the release.  Nothing is written to it, so that nodes may run from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from builder.counting import count
from builder.disk import sha256
from builder.events import Emit, Notice
from builder.settings.release import ReleaseSettings
from builder.site.staging import Stage, Staging
from builder.site.tree import lines_of
from builder.store.errors import RefusedError
from builder.store.tree_check import Difference, compare_entries
from builder.store.tree_entries import Entry


def take_over(
    settings: ReleaseSettings, staging: Staging, entries: Mapping[str, Entry], emit: Emit, *, keep_changes: bool
) -> None:
    """Compare the directories that are in place already with the release, whose other directories are filled.

    With `keep_changes`, a tree that nodes write to may differ from its list.

    :raises RefusedError: a directory differs from the release.
    """
    changes = list(_compare_tree(settings, staging, entries)) if stands_as_tree(settings, staging) else []
    is_kept = keep_changes and settings.root.access == "rw"
    found = [*(changes if not is_kept else []), *_compare_shared(settings, staging), *_compare_files(settings, staging)]
    if found:
        _refuse(settings, staging, found)
    for stage in staging.standing:
        emit(Notice(f"{stage.target} is taken over as it is."))
    if changes:
        emit(Notice(f"{len(changes)} of its paths differ from the release's list: `nfsroot-site verify` names them."))


def stands_as_tree(settings: ReleaseSettings, staging: Staging) -> bool:
    """Whether the release's tree, which is no image, is in place already."""
    return staging.tree in staging.standing and not settings.root.overlay


def _compare_tree(settings: ReleaseSettings, staging: Staging, entries: Mapping[str, Entry]) -> Iterator[Difference]:
    """Yield the differences between the tree in place and its list, but for directories that nodes share."""
    ignored = frozenset(path.lstrip("/") for path in settings.root.shared)
    yield from compare_entries(staging.tree.target, entries, ignored)


def _compare_shared(settings: ReleaseSettings, staging: Staging) -> Iterator[Difference]:
    """Yield each shared directory that is missing beside the tree in place, or that stands there without a tree."""
    if staging.shared is None:
        return
    target = staging.shared.target
    if not stands_as_tree(settings, staging):
        if staging.shared in staging.standing:
            yield Difference(str(target), "is there without the tree to which it belongs", str(target))
        return
    for path in settings.root.shared:
        if not (target / path.lstrip("/")).is_dir():
            yield Difference(f"{target}{path}", "is missing", path)


def _compare_files(settings: ReleaseSettings, staging: Staging) -> Iterator[Difference]:
    """Yield the differences between served files and images in place and those that the release has."""
    of_files = {staging.served, *([staging.tree] if settings.root.overlay else [])}
    for stage in (each for each in staging.stages if each in of_files & staging.standing):
        released, there = _digests(stage, staging=True), _digests(stage, staging=False)
        for name in sorted(released.keys() | there.keys()):
            if name not in there:
                yield Difference(f"{stage.target}/{name}", "is missing", name)
            elif name not in released:
                yield Difference(f"{stage.target}/{name}", "was added", name)
            elif released[name] != there[name]:
                yield Difference(f"{stage.target}/{name}", "other content", name)


def _digests(stage: Stage, *, staging: bool) -> dict[str, str]:
    """The SHA-256 of each file in a stage, or in the directory in place; empty for what is no regular file."""
    directory = stage.path if staging else stage.target
    return {file.name: sha256(file) if file.is_file() and not file.is_symlink() else "" for file in directory.iterdir()}


def _refuse(settings: ReleaseSettings, staging: Staging, found: list[Difference]) -> None:
    places = " and ".join(str(stage.target) for stage in staging.stages if stage in staging.standing)
    away = "Move away what no node uses, or give the release another version."
    raise RefusedError(
        f"{places} {'is' if len(staging.standing) == 1 else 'are'} there already, nfsroot-site did not unpack it, and "
        f"it differs from {settings.name} {settings.version} in {count(len(found), 'path')}; nothing was taken over",
        details=lines_of(found),
        resolution=f"{away}  Nodes write to this tree: to take it over with what they wrote, give --keep-changes."
        if settings.root.access == "rw"
        else away,
    )
