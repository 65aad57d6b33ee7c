"""The catalog of a store: its releases as its signed targets describe them.

The manifest of each release is a target, `NAME/VERSION/manifest.json`.  It carries a table under `custom` (TUF
specification 4.5), which names the other files that describe the release, so that the list of all releases needs no
other file.  Those files are blobs: releases of one tree share the lists of their software.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from tuf.api.metadata import TargetFile

from builder.errors import InputError
from builder.store import layout
from builder.store.errors import RefusedError, UntrustedError
from builder.store.metadata import Targets
from builder.store.release import MANIFEST, ReleaseManifest, read_blob
from builder.store.storage.interface import Blob

FORMAT = 1
"""The version of the table under `custom`.  A store with a newer version needs a newer nfsroot."""

ELSEWHERE = frozenset({"name", "version", "files"})
"""Fields of a release that the table has in another form, or leaves out because the target's path says them."""


@dataclass(frozen=True)
class Release:
    """A release in a store.

    `published` is a time in seconds since 1970 (UTC); `size` the bytes of all its files, `new` those that the store
    did not hold before; `lab` the lab's verdict in words; `unproved` whether somebody published the release although
    the lab had not passed it; `yanked` the reason why the release was withdrawn, or nothing.
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
    files: Mapping[str, Blob] = field(default_factory=dict)
    """The files that describe the release, by name: manifest.json, lab.json, the lists of its software."""

    @property
    def reference(self) -> str:
        """The release as users name it: NAME@VERSION."""
        return f"{self.name}@{self.version}"

    @property
    def manifest(self) -> Blob:
        """The digest and the size of the release's manifest."""
        return self.files[MANIFEST]

    def path_of(self, file: str) -> str:
        """The path in the store of a file that describes the release."""
        digest = self.files[file].sha256
        if file == MANIFEST:
            return layout.described(layout.target(self.name, self.version, file), digest)
        return layout.blob(digest)

    def paths(self) -> list[str]:
        """The paths in the store of all files that describe the release."""
        return [self.path_of(file) for file in self.files]

    def keeps(self, manifest: ReleaseManifest) -> list[Blob]:
        """The blobs that a registry keeps for the release's manifest: the parts, and the files that describe it."""
        return [*manifest.blobs(), *(blob for file, blob in self.files.items() if file != MANIFEST)]

    def table(self) -> dict[str, Any]:
        """The table of the release under `custom`."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name not in ELSEWHERE}
        files = {file: blob._asdict() for file, blob in self.files.items() if file != MANIFEST}
        return {"format": FORMAT} | values | {"channels": list(self.channels), "files": files}


def read_catalog(targets: Targets) -> dict[str, list[Release]]:
    """The releases of a store by their names, the one that was published last first.

    :raises InputError: a newer nfsroot wrote the store.
    :raises UntrustedError: the targets do not describe releases.
    """
    catalog: dict[str, list[Release]] = {}
    for path, target in targets.items():
        name, *parts = path.split("/")
        if len(parts) != 2 or parts[1] != MANIFEST or not all(map(layout.NAME.fullmatch, (name, parts[0]))):
            raise UntrustedError(f"the store's targets name {path!r}, which describes no release")
        catalog.setdefault(name, []).append(_release(name, parts[0], target))
    for releases in catalog.values():
        releases.sort(key=lambda release: (release.published, _in_order(release.version)), reverse=True)
    return dict(sorted(catalog.items()))


def _in_order(version: str) -> list[tuple[int, str]]:
    """A sort key that puts 1.10 after 1.9: of two releases published in one second, the later version is newer."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", version)]


def _release(name: str, version: str, target: TargetFile) -> Release:
    try:
        table = dict(target.unrecognized_fields["custom"])
        if table["format"] > FORMAT:
            raise InputError(
                f"the store describes {name} {version} in format {table['format']}, and this nfsroot reads {FORMAT}",
                resolution="Install a newer nfsroot.",
            )
        known = {entry.name for entry in fields(Release)} - ELSEWHERE
        values = {key: value for key, value in table.items() if key in known}
        files = {file: read_blob(blob) for file, blob in table["files"].items()}
        if not all(map(layout.NAME.fullmatch, files)) or MANIFEST in files:
            raise ValueError("a file that describes the release has a strange name")
        files[MANIFEST] = Blob(target.hashes["sha256"], target.length)
        return Release(name, version, **(values | {"channels": tuple(values["channels"]), "files": files}))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UntrustedError(f"the store's targets do not describe {name} {version} in full: {error!r}") from error


def put_release(targets: Targets, release: Release) -> None:
    """Write the table of a release into a store's targets, in place of an earlier one."""
    path, manifest = layout.target(release.name, release.version, MANIFEST), release.manifest
    targets[path] = TargetFile(manifest.size, {"sha256": manifest.sha256}, path, {"custom": release.table()})


def remove_release(targets: Targets, release: Release) -> None:
    """Take a release out of a store's targets."""
    targets.pop(layout.target(release.name, release.version, MANIFEST), None)


def find(catalog: Mapping[str, list[Release]], name: str, wanted: str = "") -> Release:
    """The release of `name` with the version or channel `wanted`; if that is empty, the newest that is not withdrawn.

    :raises InputError: no release fits.
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


def find_offered(catalog: Mapping[str, list[Release]], reference: str, *, allow_yanked: bool, verb: str) -> Release:
    """The release NAME[@VERSION|@CHANNEL] for a verb that gets it, such as "Fetch".

    :raises InputError: there is none.
    :raises RefusedError: the release was withdrawn, and `allow_yanked` is false.
    """
    release = find(catalog, *parse_reference(reference))
    if release.yanked and not allow_yanked:
        raise RefusedError(
            f"{release.reference} was withdrawn: {release.yanked}",
            resolution=f"{verb} another version, or say --allow-yanked.",
        )
    return release


def find_cautions(release: Release) -> Iterator[str]:
    """Yield a sentence for each reason not to use a release: the lab has not passed it, or it was withdrawn."""
    if release.unproved:
        yield f"the lab has not passed {release.reference}: {release.lab}"
    if release.yanked:
        yield f"{release.reference} was withdrawn: {release.yanked}"


def parse_reference(text: str) -> tuple[str, str]:
    """The NAME, and the VERSION or CHANNEL, of a reference `NAME[@VERSION|@CHANNEL]`; the second may be empty.

    :raises InputError: the text has another form.
    """
    name, at, wanted = text.partition("@")
    if not layout.NAME.fullmatch(name) or (at and not layout.NAME.fullmatch(wanted)):
        raise InputError(f"{text!r} names no release", resolution="Write NAME, NAME@VERSION or NAME@CHANNEL.")
    return name, wanted


def set_channel(targets: Targets, name: str, version: str, channel: str) -> None:
    """Make a channel name a release, and no other release of that name.

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
    """Withdraw a release with a reason, and take it out of all channels; return the release as it was before."""
    release = find(read_catalog(targets), name, version)
    put_release(targets, replace(release, yanked=reason, channels=()))
    return release


def now() -> int:
    """The time in seconds since 1970 (UTC)."""
    return int(datetime.now(UTC).timestamp())
