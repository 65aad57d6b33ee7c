"""Unpacks a release on a site, beside the releases that nodes use: `unpack` has the steps in order."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from builder.disk import sha256
from builder.events import Emit, Notice
from builder.parallel import crew
from builder.settings.release import ReleaseSettings
from builder.site import adoption, attributes, bundle, clones, donors, journal, kept, records
from builder.site import state as states
from builder.site.conflicts import refuse_conflicts
from builder.site.journal import Apply
from builder.site.places import Places
from builder.site.records import Origin, Record, StagedRecord
from builder.site.reflink import clone_or_copy
from builder.site.releases import unpacked_releases
from builder.site.room import Need, check_room, tree_need
from builder.site.source import Source
from builder.site.staging import Staging
from builder.site.tree import describe, fill_tree, read_listing
from builder.site.verification import write_sums
from builder.store.errors import RefusedError, UntrustedError
from builder.store.release import MANIFEST
from builder.store.tree_entries import FILE as LISTING
from builder.store.tree_entries import Entry

OVERLAY = "overlay.tar.zst"
"""The name of the overlay's file beside an image."""

BESIDE = 3
"""The most threads that work beside the one that unpacks: one waits for the disk, and one for a digest."""

BYTES_BESIDE = 8 << 20
"""The most bytes of a server bundle beside the files of the release: settings, menus of thousands of nodes."""


Check = Callable[[states.SiteState, Record], None]
"""A function that refuses a release which the server could not serve beside the others; it changes nothing."""


def unpack(
    places: Places,
    source: Source,
    command: tuple[str, ...],
    emit: Emit,
    apply: Apply,
    *,
    check: Check = lambda _state, _record: None,
    keep_changes: bool = False,
) -> bool:
    """Unpack a release beside all others, and export it; false when the very same release is here already.

    `apply` brings the server's exports up to date, and `check` says before whether it can: when it refuses, nothing is
    left of the release.  Until the end no file is where servers look for it.  Directories that install.sh has put in
    place are taken over when they are as the release has them; with `keep_changes`, a tree that nodes write to may have
    changed.

    :raises RefusedError: another release has this name and version here, or other files are in its place, or another
        recipe exports the same path.
    :raises UntrustedError: the release's archives differ from its manifest and its list.
    :raises NoSpaceError: the disk is full.
    """
    settings = _settings(source)
    with journal.locked(places):
        journal.recover(places, apply)
        if is_here(places, source.manifest.name, source.manifest.version, source.manifest.sha256):
            return False
        refuse_conflicts((), (*unpacked_releases(records.read_records(places)), settings))
    staging = Staging.of(places, settings).with_standing()
    with staging.begun():
        accounts = _fill(places, source, settings, staging, emit, keep_changes=keep_changes)
        staging.sync()
        with journal.locked(places):
            journal.recover(places, apply)
            kept.refuse_other_accounts(places, settings, accounts)
            check(states.read(places.state), StagedRecord(staging.record.path))

            def finish(state: states.SiteState) -> None:
                staging.finish()
                kept.make_directories(places, settings, accounts)
                apply(state)

            journal.change(places, command, states.read(places.state), finish)
    return True


def _settings(source: Source) -> ReleaseSettings:
    """The settings that a release asks of the server; a bundle of another release than the manifest's is refused."""
    settings = bundle.read_settings(source.bundle)
    if (settings.name, settings.version) != (source.manifest.name, source.manifest.version):
        raise UntrustedError(f"{source.bundle} is the server bundle of {settings.name} {settings.version}")
    for path in (settings.root.directory, settings.root.shared_directory, settings.tftp_directory):
        if not path.startswith("/") or any(part in ("", ".", "..") for part in path[1:].split("/")):
            raise UntrustedError(f"{source.bundle} asks for {path!r}, which is no directory of a release")
    return settings


def is_here(places: Places, name: str, version: str, manifest: str) -> bool:
    """Whether the release whose manifest has the SHA-256 `manifest` is unpacked here.

    :raises RefusedError: another release with this name and version is unpacked here.
    """
    record = Record(places.releases / name / version)
    if not record.directory.exists():
        return False
    if record.origin.manifest != manifest:
        raise RefusedError(
            f"{record.name} {record.version} is here already with other content, from {record.origin.source}",
            resolution="Nodes know the directory by its name: give the release another version, or prune the one here.",
        )
    return True


def _fill(
    places: Places, source: Source, settings: ReleaseSettings, staging: Staging, emit: Emit, *, keep_changes: bool
) -> dict[tuple[str, str], str]:
    """Fill the stages of a release, and return the accounts of its tree; a tree that is in place is not made anew.

    The release is compared with its manifest meanwhile; its root is unpacked or copied after that.
    """
    is_image, stands = bool(settings.root.overlay), adoption.stands_as_tree(settings, staging)
    tree = staging.tree.target if stands else staging.tree.path
    with crew(BESIDE) as aside:
        compared = aside.begin(source.compare_rest)
        entries = read_listing(source.listing)
        _check_room(places, source, settings, staging, {} if stands else entries)
        if is_image:
            compared()
            _copy_image(source, settings, tree)
        written = synced = aside.begin(partial(_write_record, places, source, settings, staging))
        with_attributes: Iterable[Entry] = () if is_image else entries.values()
        if not (is_image or stands):
            donor = donors.find_donor(places, settings.name)
            cloned = clones.clone_files(donor, tree, entries) if donor else set()
            compared()
            filled = fill_tree(source, source.file(settings.root.file), tree, entries, cloned, aside, emit)
            synced, with_attributes = filled.synced, filled.with_attributes
            emit(Notice(describe(entries, cloned, donor)))
            donors.write(staging.record.path, donors.stamp_files(tree, entries.values()))
        written()
        compared()
        adoption.take_over(settings, staging, entries, emit, keep_changes=keep_changes)
        origin = Origin(source.address, int(time.time()), source.manifest.sha256, source.lab)
        records.write_origin(staging.record.path, origin)
        attributes.write(staging.record.path, attributes.read_attributes(tree, with_attributes))
        accounts = kept.read_tree_accounts(tree)
        synced()
    if staging.shared is not None and not stands:
        _move_shared(settings, entries, tree, staging.shared.path)
    return accounts


def _check_room(
    places: Places, source: Source, settings: ReleaseSettings, staging: Staging, entries: Mapping[str, Entry]
) -> None:
    """Check that file systems have room for a release and a tree with these entries, or for the release's image.

    :raises NoSpaceError: a file system has too little room.
    """
    files = [settings.root.file, settings.root.overlay] if settings.root.overlay else []
    image = Need(staging.tree.path, sum(source.described(file).size for file in files), 16)
    check_room(
        [
            image if files else tree_need(staging.tree.path, entries),
            Need(staging.served.path, source.described(source.bundle.name).size, 64),
            Need(places.data, 2 * source.listing.stat().st_size + BYTES_BESIDE, 64),
        ]
    )


def _copy_image(source: Source, settings: ReleaseSettings, directory: Path) -> None:
    """Copy an image and its overlay to where nodes look for them (docs/reference/root-kinds.md)."""
    root = settings.root
    for file, target in ((root.file, Path(root.place).name), (root.overlay, OVERLAY)):
        clone_or_copy(source.file(file), directory / target)
        if sha256(directory / target) != source.described(file).sha256:
            raise UntrustedError(f"{source.file(file)} was changed while it was copied")


def _move_shared(settings: ReleaseSettings, entries: Mapping[str, Entry], tree: Path, shared: Path) -> None:
    """Move shared directories out of a tree; a mount point stays in the place of each."""
    for path in settings.root.shared:
        if path.lstrip("/") not in entries or entries[path.lstrip("/")].kind != "d":
            raise UntrustedError(f"{settings.name} {settings.version} is refused: {path} is no directory of its tree")
        (shared / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (tree / path.lstrip("/")).rename(shared / path.lstrip("/"))
        (tree / path.lstrip("/")).mkdir()


def _write_record(places: Places, source: Source, settings: ReleaseSettings, staging: Staging) -> None:
    """Write the files to serve and the record of a release, but for its origin, into their stages."""
    record = staging.record.path
    texts = record / records.BUNDLE
    bundle.write_files(source.bundle, settings, texts, staging.served.path, source.manifest.size + BYTES_BESIDE)
    stages = {staging.served, *([staging.tree] if settings.root.overlay else [])}
    files = [(file, stage.target / file.name) for stage in stages for file in stage.path.iterdir()]
    write_sums(record, places.root, files)
    (record / MANIFEST).write_bytes(source.manifest.content)
    shutil.copyfile(source.listing, record / LISTING)
