"""What somebody can do who writes to a store, or stands between a store and its readers, and holds none of its keys."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import pytest
from small_release import make_release
from store_case import Case, files_in
from tuf.api import metadata as tuf

from builder.errors import InputError
from builder.store import catalog, keys, metadata, reader, rotation
from builder.store.errors import UntrustedError
from builder.store.fetch import fetch_manifest
from builder.store.storage.directory import DirectoryStorage
from builder.store.verify import verify_store


class YearAgo(datetime):
    """The time by a clock that is a little more than a year behind."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) - timedelta(days=366)


class Scene:
    """A store with two releases, of which a reader has seen both, and copies of the store's earlier states."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "store"
        self.case = Case(DirectoryStorage(self.root), directory / "releases")
        self.earlier = [directory / f"state-{at}" for at in range(2)]
        for version, state in zip(("1", "2"), self.earlier, strict=True):
            self.case.publish(make_release(self.case.releases, version=version))
            shutil.copytree(self.root, state)
        self.read()

    def read(self) -> reader.TrustedStore:
        return reader.open_trusted(self.case.storage)

    def restore(self, state: int, *paths: str) -> None:
        """Put files of an earlier state of the store into their places."""
        for path in paths:
            shutil.copy(self.earlier[state] / path, self.root / path)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A store that is as its publisher left it."""
    return Scene(tmp_path)


@pytest.fixture
def other_store(tmp_path: Path) -> Path:
    """The directory of another store, with keys of its own and the same releases."""
    directory = tmp_path / "other"
    return Scene(directory).root


def test_rollback(scene: Scene) -> None:
    """A reader who has seen the second release is not shown the state before it; a new reader could not know."""
    scene.restore(0, "metadata/timestamp.json")
    with pytest.raises(UntrustedError, match="an older state than this machine has seen"):
        scene.read()


def test_mix_and_match(scene: Scene) -> None:
    """Files of two states do not go together, even where each is signed."""
    (scene.root / "metadata/2.targets.json").write_bytes((scene.root / "metadata/1.targets.json").read_bytes())
    reader.forget(scene.case.storage)
    with pytest.raises(UntrustedError, match="mixes files of different states"):
        scene.read()


def test_endless_data(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader gives up on metadata without an end, long before its memory or disk is full."""
    sent = 0

    def endless(path: str, start: int = 0) -> Iterator[bytes]:
        nonlocal sent
        while sent < 1 << 30:
            sent += 1 << 16
            yield bytes(1 << 16)

    monkeypatch.setattr(scene.case.storage, "stream", lambda path, start=0: endless(path, start))
    reader.forget(scene.case.storage)
    with pytest.raises(UntrustedError, match="more bytes than its metadata may have"):
        reader.open_trusted(_with_true_root(scene.case.storage))
    assert sent < 1 << 25


def _with_true_root(storage: DirectoryStorage) -> DirectoryStorage:
    """A store of which only the first root comes as it should."""
    endless = storage.stream

    def stream(path: str, start: int = 0) -> Iterator[bytes]:
        yield from DirectoryStorage(storage.root).stream(path, start) if path.endswith("root.json") else endless(path)

    storage.stream = stream  # type: ignore[method-assign]
    return storage


def test_endless_blob(scene: Scene, tmp_path: Path) -> None:
    """A blob that is longer than it should be is refused, and no release appears."""
    blob = max((scene.root / "blobs/sha256").iterdir(), key=lambda file: file.stat().st_size)
    blob.write_bytes(blob.read_bytes() + b"more")
    with pytest.raises(UntrustedError, match="it has more bytes"):
        scene.case.fetch("small", "2", tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


def test_wrong_content(scene: Scene, tmp_path: Path) -> None:
    """A blob with a flipped bit is refused, and `verify` names the releases that it spoils."""
    blob = max((scene.root / "blobs/sha256").iterdir(), key=lambda file: file.stat().st_size)
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.write_bytes(content)
    with pytest.raises(UntrustedError, match="its bytes have another digest"):
        scene.case.fetch("small", "2", tmp_path / "fetched")
    [fault] = verify_store(scene.read(), lambda _: None)
    assert blob.name in str(fault)
    assert fault.releases == ("small@2", "small@1")


def test_wrong_manifest(scene: Scene) -> None:
    """A manifest that is not the one that was signed is refused, also when it is a good one of another release."""
    one, two = sorted((scene.root / "releases/small").glob("*/*.manifest.json"))
    two.write_bytes(one.read_bytes())
    with pytest.raises(UntrustedError, match=r"another digest than the one that was signed|more than"):
        fetch_manifest(scene.case.storage, catalog.find(scene.case.catalog(), "small", "2"))


@pytest.mark.parametrize("role", ["timestamp.json", "2.snapshot.json", "2.targets.json"])
def test_stolen_metadata(scene: Scene, other_store: Path, role: str) -> None:
    """Metadata of another store, which is well signed with other keys, is refused."""
    shutil.copy(other_store / "metadata" / role, scene.root / "metadata" / role)
    reader.forget(scene.case.storage)
    with pytest.raises(UntrustedError, match=r"not signed with the keys|mixes files of different states"):
        scene.read()


def test_swapped_store(scene: Scene, other_store: Path) -> None:
    """Another store in the place of the one that was pinned is refused with both fingerprints."""
    pinned = keys.fingerprint((scene.root / "metadata/1.root.json").read_bytes())
    shutil.rmtree(scene.root)
    shutil.copytree(other_store, scene.root)
    shown = keys.fingerprint((scene.root / "metadata/1.root.json").read_bytes())
    with pytest.raises(UntrustedError, match=f"{shown}, and not {pinned}"):
        scene.read()


def test_stranger_adds_a_root(scene: Scene) -> None:
    """A new root that the root key has not signed is followed by nobody, neither readers nor publishers."""
    stranger = keys.generate_key()
    root = metadata.make_root(stranger.public_key, [stranger.public_key], 2)
    root.sign(stranger)
    (scene.root / "metadata/2.root.json").write_bytes(metadata.text_of(root))
    with pytest.raises(UntrustedError, match="is not signed with the keys that were pinned here"):
        scene.read()
    with pytest.raises(UntrustedError, match=r"2\.root\.json in .* is not signed by the root before it"):
        metadata.newest_root(scene.case.storage, (scene.root / "metadata/1.root.json").read_bytes())


def test_freeze(scene: Scene) -> None:
    """Who asks for a fresh signature notices a store that is held back; who does not still gets what was signed."""
    reader.open_trusted(scene.case.storage, max_age=timedelta(days=7))
    timestamp = json.loads((scene.root / "metadata/timestamp.json").read_text())
    assert timestamp["signed"][metadata.RENEWED]
    with pytest.raises(UntrustedError, match=r"was signed last on .* and may be held back"):
        reader.open_trusted(scene.case.storage, max_age=timedelta(days=-1))


def test_expired(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that nobody renewed in time is refused, with a word about the clock; its publisher can renew it."""
    publisher = scene.case.publisher()
    monkeypatch.setattr(metadata, "ONLINE_DAYS", -1)
    with pytest.raises(UntrustedError, match=r"has expired.*clock is wrong \(20"):
        publisher.commit(metadata.change_nothing)
    monkeypatch.undo()
    monkeypatch.setenv("HOME", str(scene.root.parent / "home"))
    publisher.commit(metadata.change_nothing)
    assert len(scene.case.catalog()["small"]) == 2


def test_clock_of_the_publisher(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a machine signed whose clock is a year behind has expired; it is signed anew when the clock is right."""
    with monkeypatch.context() as behind:
        behind.setattr(metadata, "datetime", YearAgo)
        publisher = scene.case.publisher()
        with pytest.raises(UntrustedError, match=r"has expired.*clock is wrong"):
            publisher.commit(metadata.change_nothing)
    publisher.commit(metadata.change_nothing)
    assert len(scene.case.catalog()["small"]) == 2


def test_untrusted_store(scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A new reader pins the fingerprint, or a root that was carried over, and nothing else will do."""
    monkeypatch.setenv("HOME", str(tmp_path / "reader"))
    first = scene.root / "metadata/1.root.json"
    right = keys.fingerprint(first.read_bytes())
    with pytest.raises(UntrustedError, match=f"is not trusted here yet; its fingerprint is {right}"):
        scene.read()
    for wrong in (f"SHA256:{'0' * 64}", str(scene.root / "metadata/1.targets.json")):
        with pytest.raises(UntrustedError, match="and not the one that you named"):
            reader.open_trusted(scene.case.storage, wrong)
    for nonsense in ("SHA256:12", "/does/not/exist"):
        with pytest.raises(InputError, match="is neither a fingerprint"):
            reader.open_trusted(scene.case.storage, nonsense)
    carried = tmp_path / "root.json"
    shutil.copy(first, carried)
    assert reader.open_trusted(scene.case.storage, str(carried)).fingerprint == right
    assert scene.read().fingerprint == right


def test_copy_of_a_trusted_store(scene: Scene, tmp_path: Path) -> None:
    """A copy elsewhere needs no other trust; an older copy is accepted there, where nothing newer was seen."""
    shutil.copytree(scene.earlier[0], tmp_path / "usb")
    copied = reader.open_trusted(DirectoryStorage(tmp_path / "usb"))
    assert list(catalog.read_catalog(copied.targets)) == ["small"]


def test_restored_backup(scene: Scene) -> None:
    """Readers refuse a store that was restored, until its publisher has signed what is in it with a newer version."""
    shutil.rmtree(scene.root)
    shutil.copytree(scene.earlier[0], scene.root)
    with pytest.raises(UntrustedError, match="older state"):
        scene.read()
    rotation.recover(scene.case.publisher())
    assert [release.version for release in scene.case.catalog()["small"]] == ["1"]


def _sign(scene: Scene, change: Callable[[metadata.Targets], None]) -> None:
    """Change what the store's keys sign, as another program than this nfsroot could."""
    publisher = scene.case.publisher()
    metadata.commit(publisher.storage, publisher.first_root, publisher.signer, change)


def test_newer_format(scene: Scene) -> None:
    """A store that a newer nfsroot wrote is not misread."""

    def write_newer(targets: metadata.Targets) -> None:
        for target in targets.values():
            if "custom" in target.unrecognized_fields:
                target.unrecognized_fields["custom"]["format"] = 2

    _sign(scene, write_newer)
    with pytest.raises(InputError, match=r"in format 2, and this nfsroot reads 1"):
        scene.case.catalog()


def test_targets_outside(scene: Scene) -> None:
    """Targets that lead out of the store's directory of releases are refused, although they are signed."""

    def lead_outside(targets: metadata.Targets) -> None:
        targets["../../x"] = tuf.TargetFile(1, {"sha256": "0" * 64}, "../../x")

    _sign(scene, lead_outside)
    with pytest.raises(UntrustedError, match=r"targets name '\.\./\.\./x'"):
        scene.case.catalog()


@pytest.mark.parametrize("of_root", [False, True])
def test_rotated_keys(scene: Scene, tmp_path: Path, of_root: bool) -> None:
    """A reader follows a rotation without noticing, and the old online key signs nothing any more."""
    held = keys.find_keys((scene.root / "metadata/1.root.json").read_bytes())
    assert held is not None
    before = held.online()
    (rotation.rotate_root if of_root else rotation.rotate_online)(scene.case.storage, held)
    assert len(scene.case.catalog()["small"]) == 2
    if not of_root:
        stolen = tmp_path / "stolen"
        shutil.copytree(scene.root, stolen)
        with pytest.raises(UntrustedError, match="is not the one of"):
            metadata.commit(DirectoryStorage(stolen), held.first_root, before, metadata.change_nothing)
    rotation.rotate_online(scene.case.storage, held)
    scene.case.publish(make_release(scene.case.releases, version="3"))
    assert len(scene.case.catalog()["small"]) == 3
    assert files_in(held.directory).keys() == {"root.key", "online.key", "1.root.json", "store"}


@pytest.mark.parametrize("killed_at", range(1, 6))
def test_rotation_that_ended_early(scene: Scene, monkeypatch: pytest.MonkeyPatch, killed_at: int) -> None:
    """A rotation that ends between two of its writes leaves a store that readers verify, and can be repeated."""
    held = keys.find_keys((scene.root / "metadata/1.root.json").read_bytes())
    assert held is not None
    writes = 0
    put = DirectoryStorage.put

    def put_until_killed(storage: DirectoryStorage, *arguments: object) -> None:
        nonlocal writes
        writes += 1
        if writes == killed_at:
            raise KeyboardInterrupt
        put(storage, *arguments)  # type: ignore[arg-type]

    for rotate in (rotation.rotate_online, rotation.rotate_root):
        writes = 0
        with monkeypatch.context() as killing:
            killing.setattr(DirectoryStorage, "put", put_until_killed)
            try:
                rotate(scene.case.storage, held)
            except KeyboardInterrupt:
                assert writes == killed_at
        assert len(scene.case.catalog()["small"]) == 2
        rotate(scene.case.storage, held)
        assert len(scene.case.catalog()["small"]) == 2
