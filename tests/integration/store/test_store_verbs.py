"""A publisher and a reader on every kind of store: publish, promote, yank, list, fetch, verify, mirror, prune, keys."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_release import make_release
from store_case import Case, files_in
from store_servers import Kind

from builder.errors import InputError
from builder.store import catalog, copies, keys, leases, metadata, packages, reader, rotation
from builder.store import prune as pruning
from builder.store.errors import StoreError
from builder.store.probe import probe
from builder.store.storage.directory import DirectoryStorage
from builder.store.verify import verify_store


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory without keys, so that no key of the user's is touched."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    return home


@pytest.fixture
def case(kind: Kind, tmp_path: Path) -> Case:
    """An empty store of each kind, with its users."""
    return Case(kind.open(), tmp_path / "releases")


def test_a_release_and_its_life(case: Case, tmp_path: Path) -> None:
    """A release is published, promoted, fetched by another process and withdrawn; its bytes stay what they were."""
    first = make_release(case.releases, version="1")
    second = make_release(case.releases, version="2")
    case.publish(first, channel="test")
    assert case.publish(second, channel="test").sent == 1010
    publisher = case.publisher()
    publisher.commit(lambda targets: catalog.set_channel(targets, "small", "1", "stable"))
    known = case.catalog()["small"]
    assert {release.version: release.channels for release in known} == {"1": ("stable",), "2": ("test",)}
    case.fetch("small", "test", tmp_path / "fetched")
    fetched = files_in(tmp_path / "fetched")
    del fetched["SHA256SUMS"]
    assert fetched == files_in(second)
    publisher.commit(lambda targets: catalog.yank(targets, "small", "2", "nodes hang"))
    assert catalog.find(case.catalog(), "small").version == "1"
    assert catalog.find(case.catalog(), "small", "2").yanked == "nodes hang"
    assert verify_store(reader.open_trusted(case.storage), lambda _: None) == []


def test_another_reader_pins_the_store(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader on another machine trusts the store by its fingerprint and gets the same release."""
    release = make_release(case.releases)
    case.publish(release)
    fingerprint = case.told[0].split("fingerprint: ")[1].split()[0]
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    trusted = reader.open_trusted(case.storage, fingerprint)
    assert trusted.fingerprint == fingerprint
    case.fetch("small", "1.0", tmp_path / "fetched")
    assert files_in(release).items() <= files_in(tmp_path / "fetched").items()


def test_packages_are_found(case: Case) -> None:
    """The releases with a package, or with an old version of one, are found."""
    package = {"name": "openssl", "version": "3.5.10-1", "architecture": "amd64", "source": "openssl"}
    case.publish(make_release(case.releases, version="1"))
    case.publish(make_release(case.releases, version="2", packages=[package]))
    case.publish(make_release(case.releases, version="3", packages=[]))
    releases = case.catalog()["small"]
    assert packages.find_with_package(case.storage, releases, "openssl", None) == {
        "small@1": "3.5.1-1",
        "small@2": "3.5.10-1",
    }
    assert packages.find_with_package(case.storage, releases, "openssl", "3.5.9-1") == {"small@1": "3.5.1-1"}


def test_copies_need_no_other_trust(case: Case, tmp_path: Path) -> None:
    """A medium with one release verifies with the trust of the store; what it lacks is said."""
    for version in ("1", "2"):
        case.publish(make_release(case.releases, version=version))
    medium = DirectoryStorage(tmp_path / "medium")
    source = reader.open_trusted(case.storage)
    assert copies.copy(source, medium, copies.choose(source, ["small@2"]), case.transfers) == 75_107
    there = Case(medium, case.releases)
    there.fetch("small", "2", tmp_path / "two")
    with pytest.raises(Exception, match="does not hold small@1"):
        there.fetch("small", "1", tmp_path / "one")
    assert copies.copy(source, medium, copies.choose(source, []), case.transfers) == 1010
    there.fetch("small", "1", tmp_path / "one")


def test_prune_keeps_what_is_named(case: Case, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old releases go, but not one that a channel names; their blobs go after a day."""
    for version in ("1", "2", "3", "4"):
        case.publish(make_release(case.releases, version=version), channel="stable" if version == "1" else "")
    publisher = case.publisher()
    young = pruning.plan(publisher, 1)
    assert [release.version for release in young.releases] == (["3", "2"] if kind.lists else [])
    assert young.objects == ()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 2 * pruning.GRACE)
    planned = pruning.plan(publisher, 1)
    assert planned.size >= 2 * 1010
    pruning.prune(publisher, planned)
    assert [release.version for release in case.catalog()["small"]] == ["4", "1"]
    assert verify_store(reader.open_trusted(case.storage), lambda _: None) == []
    assert pruning.plan(publisher, 1).objects == ()
    gone = [stored.path for stored in planned.objects]
    assert case.storage.sizes(gone) == {}


def test_prune_leaves_what_came_to_be_needed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that got a channel, and parts that a new release has, stay, though the plan was made before."""
    shared = [bytes([7]) * 5000]
    for version, parts in (("1", shared), ("2", [b"two"]), ("3", [b"three"])):
        case.publish(make_release(case.releases, version=version, files={"f": parts}))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 2 * pruning.GRACE)
    publisher = case.publisher()
    planned = pruning.plan(publisher, 1)
    assert [release.version for release in planned.releases] == ["2", "1"]
    case.publish(case.releases / "small/2", channel="stable")
    case.publish(make_release(case.releases, version="4", files={"f": shared}))
    done = pruning.prune(publisher, planned)
    assert [release.version for release in done.releases] == ["1"]
    assert [release.version for release in case.catalog()["small"]] == ["4", "3", "2"]
    assert verify_store(reader.open_trusted(case.storage), lambda _: None) == []
    for kept in ("2", "3", "4"):
        case.fetch("small", kept, case.releases / f"fetched/{kept}")


def test_prune_that_fails_is_ended_by_the_next(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that fails while objects are removed keeps no publisher out, and the next prune removes what is left."""
    for version in ("1", "2"):
        case.publish(make_release(case.releases, version=version))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 2 * pruning.GRACE)
    publisher = case.publisher()
    planned = pruning.plan(publisher, 1)
    with monkeypatch.context() as failing:
        failing.setattr(case.storage, "delete", fail_at(case.storage.delete, planned.objects[-1].path))
        with pytest.raises(StoreError, match="the server fails"):
            pruning.prune(publisher, planned)
    case.publish(make_release(case.releases, version="3"))
    pruning.prune(publisher, pruning.plan(publisher, 2))
    assert case.storage.sizes(stored.path for stored in planned.objects) == {}
    assert verify_store(reader.open_trusted(case.storage), lambda _: None) == []


def fail_at(delete: Callable[[str], None], failing: str) -> Callable[[str], None]:
    """A deletion that fails for one object."""

    def act(path: str) -> None:
        if path == failing:
            raise StoreError("the server fails")
        delete(path)

    return act


def test_prune_waits_for_publishers(case: Case, kind: Kind) -> None:
    """Nobody prunes while another process publishes, nor publishes while another one prunes."""
    case.publish(make_release(case.releases))
    if isinstance(case.storage, DirectoryStorage):
        return  # a lock keeps them apart
    with leases.hold_lease(case.storage), pytest.raises(Exception, match="says `publish`"):
        pruning.prune(case.publisher(), pruning.Plan(1, (), ()))
    with leases.hold_lease(case.storage, leases.PRUNE), pytest.raises(Exception, match="says `prune`"):
        case.publish(make_release(case.releases, version="2"))


def test_keys_change(case: Case) -> None:
    """Keys are rotated, and a restored store is recovered, without a word to readers."""
    case.publish(make_release(case.releases))
    first_root = case.storage.read("metadata/1.root.json", metadata.MOST_BYTES)
    held = keys.find_keys(first_root)
    assert held is not None
    rotation.rotate_online(case.storage, held)
    rotation.rotate_root(case.storage, held)
    assert rotation.recover(case.publisher()).version > rotation.VERSIONS_AHEAD
    case.publish(make_release(case.releases, version="2"))
    assert len(case.catalog()["small"]) == 2


def test_probe_tells_what_the_server_can_do(case: Case, kind: Kind) -> None:
    """What the probe finds is what the kind is known for, and nothing of the probe stays."""
    found = probe(case.storage)
    assert {found["write"], found["read"], found["read from an offset"]} == {"yes"}
    assert found["list"] == ("yes" if kind.lists else "no")
    assert found["two publishers at once"].startswith("yes" if kind.swaps_safely else "not safe")
    if kind.lists:
        assert [stored.path for stored in case.storage.list("probe/")] == []


def test_empty_store(case: Case) -> None:
    """A place without a store says so, and reading it makes none."""
    with pytest.raises(InputError, match="holds no store"):
        case.catalog()
    assert os.environ["HOME"]
