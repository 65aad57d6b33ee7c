"""The catalog of a store: its releases as its signed targets describe them.

Each file that describes a release is a target, `NAME/VERSION/FILE`.  The target of manifest.json carries a table under
`custom` (TUF specification 4.5), so that the list of all releases needs no other file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from tuf.api.metadata import TargetFile

from builder.errors import InputError
from builder.store import layout
from builder.store.errors import RefusedError, UntrustedError
from builder.store.metadata import Targets
from builder.store.release import MANIFEST

FORMAT = 1
"""The version of the table under `custom`; a store of a newer one needs a newer nfsroot."""

ELSEWHERE = frozenset({"name", "version", "files"})
"""What a target's own path says of a release, and not the table."""


@dataclass(frozen=True)
class Release:
    """A release in a store.

    `published` is a time in seconds since 1970 (UTC); `size` the bytes of all its files, `new` those that the store
    did not hold before; `lab` the verdict in words; `unproved` whether somebody published it without one; `yanked` the
    reason why it was withdrawn, or nothing.
    """

    name: str
    version: str
    published: int
    lab: str
    kernel: str
    architecture: str
    size: int
    new: int
    unproved: bool = False
    channels: tuple[str, ...] = ()
    yanked: str = ""
    files: Mapping[str, TargetFile] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """The release as users name it: NAME@VERSION."""
        return f"{self.name}@{self.version}"

    @property
    def manifest(self) -> TargetFile:
        """The target of the release's manifest."""
        return self.files[MANIFEST]

    def table(self) -> dict[str, Any]:
        """The table of the release under `custom`."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name not in ELSEWHERE}
        return {"format": FORMAT} | values | {"channels": list(self.channels)}


def read_catalog(targets: Targets) -> dict[str, list[Release]]:
    """The releases by their names, the one that was published last first.

    :raises InputError: a newer nfsroot wrote the store.
    :raises UntrustedError: the targets do not describe releases.
    """
    files: dict[tuple[str, str], dict[str, TargetFile]] = {}
    for path, target in targets.items():
        parts = path.split("/")
        if len(parts) != 3 or not all(layout.NAME.fullmatch(part) for part in parts):
            raise UntrustedError(f"the store's targets name {path!r}, which describes no release")
        files.setdefault((parts[0], parts[1]), {})[parts[2]] = target
    catalog: dict[str, list[Release]] = {}
    for (name, version), found in files.items():
        catalog.setdefault(name, []).append(_release(name, version, found))
    for releases in catalog.values():
        releases.sort(key=lambda release: (release.published, _in_order(release.version)), reverse=True)
    return dict(sorted(catalog.items()))


def _in_order(version: str) -> list[tuple[int, str]]:
    """A key that puts 1.10 after 1.9: of two releases that were published in one second, the later version is newer."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", version)]


def _release(name: str, version: str, files: Mapping[str, TargetFile]) -> Release:
    try:
        table = dict(files[MANIFEST].unrecognized_fields["custom"])
        if table["format"] > FORMAT:
            raise InputError(
                f"the store describes {name} {version} in format {table['format']}, and this nfsroot reads {FORMAT}",
                resolution="Install a newer nfsroot.",
            )
        known = {entry.name for entry in fields(Release)} - ELSEWHERE
        values = {key: value for key, value in table.items() if key in known}
        return Release(name, version, **(values | {"channels": tuple(values["channels"]), "files": files}))
    except (LookupError, TypeError, ValueError) as error:
        raise UntrustedError(f"the store's targets do not describe {name} {version} in full: {error!r}") from error


def put_release(targets: Targets, release: Release) -> None:
    """Describe a release in a store's targets, in place of what they said of it before."""
    remove_release(targets, release)
    for file, target in release.files.items():
        path = layout.target(release.name, release.version, file)
        custom = {"custom": release.table()} if file == MANIFEST else {}
        targets[path] = TargetFile(target.length, target.hashes, path, custom)


def remove_release(targets: Targets, release: Release) -> None:
    """Take a release out of a store's targets."""
    prefix = layout.target(release.name, release.version, "")
    for path in [path for path in targets if path.startswith(prefix)]:
        del targets[path]


def find(catalog: Mapping[str, list[Release]], name: str, wanted: str = "") -> Release:
    """The release of `name` with the version or in the channel `wanted`, or else the newest that nobody withdrew.

    :raises InputError: there is none.
    """
    if name not in catalog:
        there = ", ".join(catalog) or "none yet"
        raise InputError(f"the store has no release called {name}", resolution=f"The names in the store: {there}.")
    releases = catalog[name]
    named = [release for release in releases if wanted == release.version]
    named = named or [release for release in releases if wanted in release.channels]
    if not wanted:
        named = [release for release in releases if not release.yanked]
    if not named:
        channels = sorted({channel for release in releases for channel in release.channels})
        versions = ", ".join(release.version for release in releases[:10])
        raise InputError(
            f"the store has no release {name}@{wanted}" if wanted else f"every release of {name} was withdrawn",
            resolution=f"Versions, the newest first: {versions}. Channels: {', '.join(channels) or 'none'}.",
        )
    return named[0]


def parse_reference(text: str) -> tuple[str, str]:
    """NAME and VERSION or CHANNEL of a reference `NAME[@VERSION|@CHANNEL]`; the latter is empty where it is not given.

    :raises InputError: the text has another form.
    """
    name, at, wanted = text.partition("@")
    if not layout.NAME.fullmatch(name) or (at and not layout.NAME.fullmatch(wanted)):
        raise InputError(f"{text!r} names no release", resolution="Write NAME, NAME@VERSION or NAME@CHANNEL.")
    return name, wanted


def set_channel(targets: Targets, name: str, version: str, channel: str) -> None:
    """Let a channel name a release, and no other release of that name.

    :raises InputError: the channel cannot have this name, or there is no such release.
    :raises RefusedError: the release was withdrawn.
    """
    catalog = read_catalog(targets)
    chosen = find(catalog, name, version)
    if not layout.NAME.fullmatch(channel) or any(channel == release.version for release in catalog[name]):
        raise InputError(
            f"{channel!r} cannot be a channel's name",
            resolution="Use letters, digits and . _ + ~ -, and no version of the release.",
        )
    if chosen.yanked:
        raise RefusedError(f"{chosen.reference} was withdrawn: {chosen.yanked}", resolution="Promote another version.")
    for release in catalog[name]:
        left = tuple(other for other in release.channels if other != channel)
        if release is chosen:
            left = tuple(sorted({*left, channel}))
        if left != release.channels:
            put_release(targets, replace(release, channels=left))


def yank(targets: Targets, name: str, version: str, reason: str) -> Release:
    """Withdraw a release with a reason; no channel names it any more.  The release as it was before is returned."""
    release = find(read_catalog(targets), name, version)
    put_release(targets, replace(release, yanked=reason, channels=()))
    return release


def now() -> int:
    """The time in seconds since 1970 (UTC)."""
    return int(datetime.now(UTC).timestamp())
