"""Publishing and fetching, with a store in a directory."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from small_release import digest, make_release, some_files
from store_case import Case, files_in

from builder.errors import InputError, NfsrootError
from builder.parallel import crew
from builder.store import catalog, keys
from builder.store.errors import RefusedError, UntrustedError
from builder.store.publish import Permissions, Publisher, open_publisher
from builder.store.release import read_manifest
from builder.store.release_files import begin_check, find_parts
from builder.store.storage.directory import DirectoryStorage
from builder.store.storage.interface import FileSlice
from builder.store.transfer import Sent


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """An empty store."""
    return Case(DirectoryStorage(tmp_path / "store"), tmp_path / "releases")


def root_of(case: Case) -> Path:
    """The directory of the store."""
    assert isinstance(case.storage, DirectoryStorage)
    return case.storage.root


def test_first_publish_is_all_the_setup(case: Case, home: Path) -> None:
    """The first publish makes the keys for their owner alone, and tells the fingerprint that sha256sum finds."""
    case.publish(make_release(case.releases))
    first_root = (root_of(case) / "metadata/1.root.json").read_bytes()
    assert f"fingerprint: SHA256:{digest(first_root)}" in case.told[0]
    [made] = (home / ".config/nfsroot/keys").iterdir()
    assert {file.name for file in made.iterdir()} == {"root.key", "online.key", "1.root.json", "store"}
    assert {file.stat().st_mode & 0o777 for file in made.iterdir()} == {0o600}
    assert made.stat().st_mode & 0o777 == 0o700
    stored = b"".join(files_in(root_of(case)).values())
    assert b"PRIVATE" not in stored


def test_release_comes_back_byte_for_byte(case: Case, tmp_path: Path) -> None:
    """What is fetched has every file of the release, and SHA256SUMS, which proves them without nfsroot."""
    release = make_release(case.releases)
    case.publish(release)
    assert case.fetch("small", "", tmp_path / "fetched") is True
    fetched = files_in(tmp_path / "fetched")
    sums = fetched.pop("SHA256SUMS").decode().splitlines()
    assert fetched == files_in(release)
    assert {line.partition("  ")[2]: line[:64] for line in sums} == {
        path: digest(content) for path, content in fetched.items() if path != "lab.json"
    }
    assert case.fetch("small", "1.0", tmp_path / "fetched") is False


@pytest.mark.parametrize("seed", range(10))
def test_any_parts_come_back(case: Case, tmp_path: Path, seed: int) -> None:
    """Files of parts of any sizes, the same part several times among them, come back."""
    chance = random.Random(seed)
    pool = [chance.randbytes(chance.choice([0, 1, 511, 4096, 1 << 20, (1 << 20) + 1])) for _ in range(6)]
    files = {f"f{at}": [chance.choice(pool) for _ in range(chance.randint(1, 5))] for at in range(5)}
    release = make_release(case.releases, files=files)
    case.publish(release)
    case.fetch("small", "1.0", tmp_path / "fetched")
    assert {path: (tmp_path / "fetched" / path).read_bytes() for path in files} == {
        path: b"".join(parts) for path, parts in files.items()
    }


def test_only_new_parts_are_sent(case: Case) -> None:
    """A second release sends what differs, and says how much that is; the same release once more sends nothing."""
    case.publish(make_release(case.releases, version="1"))
    second = make_release(case.releases, version="2")
    published = case.publish(second)
    size = read_manifest(second).size
    assert published.sent == 1000 + 10
    assert f"small 2: 1010 of {size} bytes are new" in case.notices
    again = case.publish(second)
    assert (again.was_there, again.sent) == (True, 0)


def test_parts_of_a_release_beside_are_not_fetched(case: Case, tmp_path: Path) -> None:
    """A reader who has the release before fetches what differs; a damaged copy beside is no help and no harm."""
    for version in ("1", "2"):
        case.publish(make_release(case.releases, version=version))
    case.fetch("small", "1", tmp_path / "here/1")
    damaged = tmp_path / "here/1/small-1-root.tar.zst"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    case.fetch("small", "2", tmp_path / "here/2")
    assert case.notices[-1].startswith("small 2: 71010 of")
    assert b"".join(some_files("2")["small-2-root.tar.zst"]) == (tmp_path / "here/2/small-2-root.tar.zst").read_bytes()


@pytest.mark.parametrize("verdict", ["none", "failed"])
def test_unproved_releases_are_refused(case: Case, verdict: str) -> None:
    """A release that the lab has not passed is published on demand only, and the store tells so."""
    release = make_release(case.releases)
    with pytest.raises(RefusedError, match=f"its verdict is '{verdict}'"):
        case.publish(release, lab=verdict)
    case.publish(release, lab=verdict, allowed=Permissions(unproved=True))
    [entry] = case.catalog()["small"]
    assert (entry.lab, entry.unproved) == (verdict, True)
    case.publish(release, lab="proved: same tree as 0.9")
    [entry] = case.catalog()["small"]
    assert (entry.lab, entry.unproved) == ("proved: same tree as 0.9", False)


def test_versions_never_change(case: Case, tmp_path: Path) -> None:
    """The same version with other content is refused, and the store keeps what it had."""
    case.publish(make_release(case.releases))
    other = make_release(tmp_path / "other", files={"a": [b"other"]})
    with pytest.raises(RefusedError, match=r"the store has small 1\.0 with other content"):
        case.publish(other)
    case.fetch("small", "1.0", tmp_path / "fetched")
    assert (tmp_path / "fetched/empty").exists()


RECIPE = {"debian": {"architecture": "amd64"}}


@pytest.mark.parametrize(
    ("recipe", "word"),
    [
        (RECIPE | {"login": {"root_password_hash": "sha256:1"}}, "the hash of root's password"),
        (RECIPE | {"access": {"root_password_hash": "sha256:1"}}, "the hash of root's password"),
        (RECIPE | {"variables": {"vpn": {"VPN_SECRET": "sha256:1", "VPN_HOST": "x"}}}, "the secret VPN_SECRET"),
    ],
)
def test_secrets_stay_here(case: Case, recipe: dict[str, object], word: str) -> None:
    """A release with a password goes only into a store that is closed to others, or where the user allows it."""
    release = make_release(case.releases, recipe=recipe)
    with pytest.raises(RefusedError, match=word):
        case.publish(release)
    root_of(case).mkdir(exist_ok=True)
    root_of(case).chmod(0o700)
    case.publish(release)
    root_of(case).chmod(0o755)
    case.publish(release, allowed=Permissions(password=True))


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_damaged_files_are_refused(case: Case, damage: str) -> None:
    """A file that is not the manifest's is named, and nothing is published."""
    release = make_release(case.releases)
    file = release / "server.tar.gz"
    content = file.read_bytes()
    if damage == "remove":
        file.unlink()
    else:
        file.write_bytes(content[:-1] + (b"" if damage == "cut" else bytes([content[-1] ^ 1])))
    with pytest.raises(NfsrootError, match=r"server\.tar\.gz"):
        case.publish(release)
    assert not (root_of(case) / "metadata/timestamp.json").exists()


def test_parts_that_are_not_those_of_the_file(case: Case) -> None:
    """A manifest whose parts do not make up the file is refused before any bad part is in the store."""
    release = make_release(case.releases)
    manifest = json.loads((release / "manifest.json").read_text())
    parts = manifest["files"][0]["parts"]
    parts[0], parts[1] = parts[0] | {"sha256": digest(b"other")}, parts[1]
    (release / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(NfsrootError, match="has not the SHA-256 that the manifest names"):
        case.publish(release)
    assert not (root_of(case) / "blobs/sha256" / digest(b"other")).exists()


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../../b", "manifest.json", "a//b", ".", "a\nb", "a b"])
def test_paths_outside_are_refused(tmp_path: Path, path: str) -> None:
    """A manifest that names a file outside the release, or a strange one, is no manifest."""
    release = make_release(tmp_path)
    manifest = json.loads((release / "manifest.json").read_text())
    manifest["files"][0]["path"] = path
    (release / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="is no path of a file of a release"):
        read_manifest(release)


def test_channels(case: Case) -> None:
    """A channel names one release; promoting moves it, a withdrawn release leaves it and cannot come back."""
    for version in ("1", "2"):
        case.publish(make_release(case.releases, version=version), channel="test")
    assert catalog.find(case.catalog(), "small", "test").version == "2"
    publisher = case.publisher()
    publisher.commit(lambda targets: catalog.set_channel(targets, "small", "1", "stable"))
    assert catalog.find(case.catalog(), "small", "stable").version == "1"
    publisher.commit(lambda targets: catalog.set_channel(targets, "small", "2", "stable"))
    assert catalog.find(case.catalog(), "small", "stable").channels == ("stable", "test")
    publisher.commit(lambda targets: catalog.yank(targets, "small", "2", "nodes hang"))
    with pytest.raises(InputError, match="no release small@stable"):
        catalog.find(case.catalog(), "small", "stable")
    assert catalog.find(case.catalog(), "small", "2").yanked == "nodes hang"
    assert catalog.find(case.catalog(), "small").version == "1"
    with pytest.raises(RefusedError, match="was withdrawn: nodes hang"):
        publisher.commit(lambda targets: catalog.set_channel(targets, "small", "2", "stable"))
    with pytest.raises(InputError, match="cannot be a channel's name"):
        publisher.commit(lambda targets: catalog.set_channel(targets, "small", "1", "2"))


def test_strangers_cannot_publish(case: Case, home: Path, tmp_path: Path) -> None:
    """Without the store's keys nothing is changed; with another store's key neither."""
    case.publish(make_release(case.releases))
    (home / ".config/nfsroot/keys").rename(tmp_path / "elsewhere")
    before = files_in(root_of(case))
    with pytest.raises(NfsrootError, match=r"the keys of .* are not on this machine"):
        case.publisher()
    stranger = keys.generate_key()
    with pytest.raises(UntrustedError, match="is not the one of"):
        Publisher(case.storage, before["metadata/1.root.json"], stranger).commit(lambda targets: targets.clear())
    assert files_in(root_of(case)) == before


def test_only_publish_makes_a_store(case: Case, home: Path) -> None:
    """A mistyped address makes no store and no keys: promote, yank, refresh and prune say that there is none."""
    with pytest.raises(InputError, match="holds no store"):
        open_publisher(case.storage, None)
    assert not root_of(case).exists()
    assert not (home / ".config").exists()


def test_directory_with_other_files(case: Case, home: Path) -> None:
    """A first publish to a directory that somebody uses for something else writes nothing there."""
    root_of(case).mkdir()
    (root_of(case) / "lost+found").mkdir()
    (root_of(case) / "thesis.tex").write_text("precious", encoding="utf-8")
    release = make_release(case.releases)
    with pytest.raises(RefusedError, match=r"is no empty directory: it holds thesis\.tex"):
        case.publish(release)
    assert [path.name for path in sorted(root_of(case).iterdir())] == ["lost+found", "thesis.tex"]
    assert not (home / ".config").exists()
    (root_of(case) / "thesis.tex").unlink()
    case.publish(release)


def begun_check(release: Path, storage: DirectoryStorage, sent: Callable[[Sent], bool]) -> None:
    """Compare a release with its manifest as `nfsroot publish` does when it sends some of the parts."""
    manifest = read_manifest(release)
    with crew(1) as threads:
        check = begin_check(threads, release, manifest, storage)
        check([part for part in find_parts(release, manifest) if sent(part)])


def test_each_part_that_is_not_sent_is_compared(case: Case) -> None:
    """A changed byte is found in each part of each file, whether the store holds the part already or not."""
    release = make_release(case.releases)
    parts = [part for part in find_parts(release, read_manifest(release)) if part.blob.size]
    assert isinstance(case.storage, DirectoryStorage)
    for held in (False, True):
        if held:
            case.publish(release)
        begun_check(release, case.storage, lambda _: False)
        for damaged in parts:
            place = damaged.content
            assert isinstance(place, FileSlice)
            content = place.file.read_bytes()
            at = place.start + place.size - 1
            place.file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            with pytest.raises(NfsrootError, match=f"{place.file.name} .* another part at byte {place.start}"):
                begun_check(release, case.storage, lambda _: False)
            if not held:
                begun_check(release, case.storage, lambda part, damaged=damaged: part == damaged)
            place.file.write_bytes(content)
