"""Publishes a release: its parts first, the files that describe it next, and the signed metadata last.

A publish that ends early leaves a store that shows readers the same releases as before.  The next publish asks the
store for the parts that it holds already, and sends the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from securesystemslib.signer import Signer

from builder.errors import NfsrootError
from builder.events import Notice
from builder.parallel import crew
from builder.recipe.former_names import rename_table
from builder.store import catalog, keys, layout, leases, places, reader
from builder.store.catalog import Release
from builder.store.errors import RefusedError
from builder.store.metadata import State, Targets, commit, load
from builder.store.release import LAB, MANIFEST, ReleaseManifest
from builder.store.release_files import Check, find_parts
from builder.store.storage.directory import DirectoryStorage
from builder.store.storage.interface import Blob, Storage, Text
from builder.store.transfer import Sent, Transfers, find_missing, retry

PASSED = ("passed", "proved:")
"""The beginnings of the verdict of a release that the lab has booted itself, or whose tree it has booted elsewhere."""


@dataclass(frozen=True)
class Publisher:
    """A store that this user can change: the store's first root, and the signer with the store's online key."""

    storage: Storage
    first_root: bytes
    signer: Signer

    def commit(self, change: Callable[[Targets], None], above: int = 0) -> State:
        """Change the store's targets, sign them, and read the store as its readers do, who see the change now.

        Write the tags of a registry, or the pages for web browsers, after that; other publishers wait until then.
        """
        with self.storage.exclusive():
            state = commit(self.storage, self.first_root, self.signer, change, above)
            trusted = reader.open_trusted(self.storage)
            if self.storage.holds_images:
                from builder.store.image.copies import name_images

                name_images(self.storage, catalog.read_catalog(state.targets))
            _pages().update_pages(trusted)
        return state


@dataclass(frozen=True)
class Candidate:
    """A release to publish: its directory, its manifest, the lab's verdict, and functions to describe and check it."""

    directory: Path
    manifest: ReleaseManifest
    lab: str
    describe: Callable[[], Mapping[str, bytes]]
    """A function that returns the files beside the manifest that describe the release: lab.json, lists of software.

    The function is called when the parts are in the store, so that the files can be made in the meantime.
    """
    check: Check
    """A function that compares the files with the manifest, but for the parts that it gets: these are sent next."""


@dataclass(frozen=True)
class Permissions:
    """The user's permissions to publish an unproved release, or one with a password, which is refused otherwise."""

    unproved: bool = False
    password: bool = False


@dataclass(frozen=True)
class Published:
    """The result of a publish: the release, whether the store had it before, and how many bytes were sent."""

    release: Release
    was_there: bool
    sent: int


def open_publisher(storage: Storage, key: Path | None) -> Publisher:
    """Open a store to change it, with the online key in the file `key`, or else with the store's keys on this machine.

    :raises InputError: there is no store.
    :raises NfsrootError: the keys of the store are not here.
    """
    first_root = reader.read_first_root(storage)
    pinned = reader.pinned_root(storage)
    found = keys.find_keys(first_root)
    if key is None and found is None:
        raise NfsrootError(
            f"the keys of {storage.address} are not on this machine: nothing was changed",
            details=f"  fingerprint of the store: {keys.fingerprint(first_root)}",
            resolution="Name the store's online key with --key FILE, or publish where the store was made.",
        )
    if found is None and pinned is None:
        raise NfsrootError(
            f"{storage.address} is not trusted here yet: its fingerprint is {keys.fingerprint(first_root)}",
            resolution="Compare it with the publisher's, then: nfsroot list STORE --trust SHA256:...",
        )
    if pinned is not None and pinned != first_root:
        reader.open_trusted(storage)  # raises an error that says what is wrong
    reader.pin(storage, first_root)
    return Publisher(storage, first_root, keys.read_key(key) if key else _online(found))


def _online(found: keys.Keys | None) -> Signer:
    assert found is not None, "without a key that the user names the store's keys are here"
    return found.online()


def open_or_make_store(storage: Storage, key: Path | None, tell: Callable[[str], None]) -> Publisher:
    """Open a store to change it, or make a new store; `tell` gets a text about the keys of a new store for the user.

    :raises RefusedError: the directory holds other files, or the store is empty and held releases before.
    :raises NfsrootError: the keys of the store are not here.
    """
    if storage.size(layout.FIRST_ROOT) is None:
        return _make_store(storage, key, tell)
    return open_publisher(storage, key)


def _make_store(storage: Storage, key: Path | None, tell: Callable[[str], None]) -> Publisher:
    """Make the keys of an empty store, unless a publish that ended early made them, and write its first root."""
    if isinstance(storage, DirectoryStorage) and (others := storage.other_files(layout.TOP)):
        raise RefusedError(
            f"{storage.address} is no empty directory: it holds {', '.join(others[:3])}",
            resolution="Name a directory that is empty or is not there yet.",
        )
    if key is not None:
        raise NfsrootError(
            f"{storage.address} is empty: its first publish makes its keys itself, and takes none with --key",
            resolution="Leave --key out, or check the address.",
        )
    if reader.read_seen_version(storage):
        raise RefusedError(
            f"{storage.address} is empty, and held releases when this machine saw it last",
            details="  Is its file system mounted? A new store here would be another one under the same address.",
            resolution="Mount it. If it was removed on purpose, remove what this machine saw of it, too: "
            f"{places.trust_directory(storage.address)}",
        )
    made = keys.keys_made_for(storage.address)
    fresh = made[-1] if made else keys.make_keys(storage.address)
    reader.pin(storage, fresh.first_root)
    with storage.exclusive():
        retry(lambda: _write_first_root(storage, fresh.first_root))
    tell(
        f"{storage.address} is a new store. Its keys are in {fresh.directory}.\n"
        f"  fingerprint: {keys.fingerprint(fresh.first_root)}\n"
        "  Readers name it once: nfsroot fetch NAME --from STORE --trust SHA256:...\n"
        f"  Keep {keys.ROOT} elsewhere, offline: only `nfsroot store keys rotate` needs it."
    )
    return Publisher(storage, fresh.first_root, fresh.online())


def _write_first_root(storage: Storage, first_root: bytes) -> None:
    """Write the first root, unless an earlier try, whose answer was lost, has written it."""
    if storage.size(layout.FIRST_ROOT) != len(first_root) or storage.read(layout.FIRST_ROOT, 1 << 24) != first_root:
        storage.swap(layout.FIRST_ROOT, first_root, None)


def publish(
    publisher: Publisher,
    candidate: Candidate,
    transfers: Transfers,
    *,
    channel: str = "",
    allowed: Permissions = Permissions(),
    repair: bool = False,
) -> Published:
    """Put a release into a store, and let a channel name it; `repair` sends the parts that the store holds, too.

    :raises RefusedError: the lab has not passed the release, the release holds a password, or the store has other
        content under the same name and version.
    :raises NfsrootError: the release's files are not those of its manifest.
    """
    storage, manifest = publisher.storage, candidate.manifest
    need_publishable(candidate, storage, allowed)
    with storage.exclusive(), leases.hold_lease(storage):
        known = catalog.read_catalog(load(storage, publisher.first_root).targets)
        before = _same_version(known, manifest)
        missing = _missing(storage, candidate, repair=repair)
        candidate.check(missing)
        new = sum(part.blob.size for part in missing)
        transfers.emit(Notice(f"{manifest.name} {manifest.version}: {new} of {manifest.size} bytes are new"))
        with crew(1) as aside:
            aside.begin(_pages)  # other threads hash and write parts meanwhile, which needs little of Python's lock
            transfers.send(storage, missing)
        _push_image(storage, candidate, transfers)
        release = _describe(
            storage, candidate, before, new, repair=repair, unproved=not candidate.lab.startswith(PASSED)
        )
        state = publisher.commit(lambda targets: _enter(targets, release, channel))
    entered = catalog.find(catalog.read_catalog(state.targets), release.name, release.version)
    return Published(entered, before is not None, new)


def _pages() -> ModuleType:
    """The module that writes the store's pages, which takes a tenth of a second to import."""
    from builder.store.page import update

    return update


def need_publishable(candidate: Candidate, storage: Storage, allowed: Permissions) -> None:
    """Refuse a release that is not to be published, before anything is written.

    :raises RefusedError: the lab has not passed the release, or it holds a secret that others could read.
    """
    _refuse_unproved(candidate, allowed)
    _refuse_secrets(candidate, storage, allowed)


def _enter(targets: Targets, release: Release, channel: str) -> None:
    """Describe a release in targets that another publisher may have changed meanwhile."""
    same = [other for other in catalog.read_catalog(targets).get(release.name, []) if other.version == release.version]
    for other in same:
        if other.manifest != release.manifest:
            raise _other_content(release.name, release.version)
        release = replace(release, channels=other.channels)
    catalog.put_release(targets, release)
    if channel:
        catalog.set_channel(targets, release.name, release.version, channel)


def _missing(storage: Storage, candidate: Candidate, *, repair: bool) -> list[Sent]:
    """The parts of a release that a store does not hold, or all of them, with the place of their bytes."""
    blobs = candidate.manifest.blobs()
    parts = {part.blob: part for part in find_parts(candidate.directory, candidate.manifest)}
    return [parts[blob] for blob in (blobs if repair else find_missing(storage, blobs))]


def _push_image(storage: Storage, candidate: Candidate, transfers: Transfers) -> None:
    """Push the release's root as an image to a kind of store that holds images."""
    if storage.holds_images:
        from builder.store.image.copies import publish_image

        publish_image(storage, candidate.directory, transfers)


def _describe(
    storage: Storage, candidate: Candidate, before: Release | None, new: int, *, repair: bool, unproved: bool
) -> Release:
    """Write the files that describe a release; return the release as the targets are to describe it."""
    manifest = candidate.manifest
    files = dict(before.files) if before else {}
    described_by = {**candidate.describe(), MANIFEST: manifest.content}
    files |= {file: _blob_of(text) for file, text in described_by.items()}
    release = Release(
        name=manifest.name,
        version=manifest.version,
        published=before.published if before else catalog.now(),
        lab=candidate.lab,
        kernel=str(manifest.document.get("kernel_version", "")),
        architecture=str(manifest.document.get("recipe", {}).get("debian", {}).get("architecture", "")),
        size=manifest.size,
        new=before.new if before else new,
        unproved=unproved,
        yanked=before.yanked if before else "",
        channels=before.channels if before else (),
        files=files,
    )
    anew = repair or (before is not None and before.files != files)
    with storage.together() as put:
        for file, text in described_by.items():
            path, keeps = release.path_of(file), release.keeps(manifest) if file == MANIFEST else ()
            if anew or storage.size(path) != len(text):
                retry(partial(put, path, Text(text), keeps))
    return release


def _blob_of(text: bytes) -> Blob:
    return Blob(hashlib.sha256(text).hexdigest(), len(text))


def _same_version(known: Mapping[str, list[Release]], manifest: ReleaseManifest) -> Release | None:
    """The release in the store with the name and version of a manifest; None without one.

    :raises RefusedError: the release in the store has another manifest.
    """
    for release in known.get(manifest.name, []):
        if release.version == manifest.version:
            if release.manifest.sha256 != manifest.sha256:
                raise _other_content(manifest.name, manifest.version)
            return release
    return None


def _other_content(name: str, version: str) -> RefusedError:
    return RefusedError(
        f"the store has {name} {version} with other content, and a published release never changes",
        resolution="Build the release under another version: make image VERSION=...",
    )


def _refuse_unproved(candidate: Candidate, allowed: Permissions) -> None:
    if candidate.lab.startswith(PASSED) or allowed.unproved:
        return
    raise RefusedError(
        f"the lab has not passed {candidate.directory}: its verdict is '{candidate.lab}'",
        resolution=f"Boot it first: make lab RELEASE={candidate.directory}\n"
        "   --allow-unproved publishes it all the same, and every reader is told.",
    )


def _refuse_secrets(candidate: Candidate, storage: Storage, allowed: Permissions) -> None:
    found = find_secrets(candidate.manifest.document)
    if found and storage.others_can_read() and not allowed.password:
        raise RefusedError(
            f"{candidate.directory} holds {' and '.join(found)}, and others can read {storage.address}",
            resolution="Let nodes take ssh keys instead, close the store to others, or say --allow-password.",
        )


def find_secrets(document: Mapping[str, Any]) -> list[str]:
    """The secrets in a release's tree, in words: the root password, and variables with secrets."""
    recipe = rename_table(document.get("recipe", {}))
    found = ["the hash of root's password"] if recipe.get("login", {}).get("root_password_hash") else []
    elements = recipe.get("variables", {})
    for element, values in elements.items():
        found += [
            f"the secret {name} of the element {element}"
            for name, value in values.items()
            if isinstance(value, str) and value.startswith("sha256:")
        ]
    return found


def lab_file(directory: Path) -> dict[str, bytes]:
    """The lab's report on the release in `directory`, if there is one."""
    file = directory / LAB
    return {LAB: file.read_bytes()} if file.exists() else {}
