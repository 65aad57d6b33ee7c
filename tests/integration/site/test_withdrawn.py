"""A release that its publisher withdraws after it was unpacked: the site says so, and no node is switched to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_case import Case
from unpack_case import release, site, store
from unpacked_site import booted_kernel, menus

from builder.site import journal
from builder.site.places import Places
from builder.store import catalog, reader
from builder.store.metadata import Targets

NAME = "debian-nfsroot"
REASON = "nodes with igb cards hang"


@pytest.fixture
def published(tmp_path: Path) -> Case:
    """A store with the versions 1.0 and 1.1; the channel `stable` names the second."""
    case = store(tmp_path)
    case.publish(release(case.releases, "1.0", name=NAME), channel="stable")
    case.publish(release(case.releases, "1.1", name=NAME), channel="stable")
    return case


@pytest.fixture
def trusting(places: Places, published: Case) -> Places:
    """A site that trusts the store, with both versions unpacked, whose nodes boot 1.0."""
    assert site(places, "trust", published.storage.address, reader.open_trusted(published.storage).fingerprint)
    for words in (("unpack", f"{NAME}@1.0"), ("unpack", f"{NAME}@1.1"), ("switch", NAME, "1.0")):
        done = site(places, *words)
        assert done.returncode == 0, done.stderr
    return places


def withdraw(published: Case, version: str) -> None:
    """Withdraw a version as `nfsroot yank` does it."""

    def change(targets: Targets) -> None:
        catalog.yank(targets, NAME, version, REASON)

    published.publisher().commit(change)


def test_switch_to_a_withdrawn_release_is_refused(trusting: Places, published: Case) -> None:
    """As `unpack` and `nfsroot fetch` refuse it, and with their option it is done; the journal has the option."""
    withdraw(published, "1.1")
    unknown = site(trusting, "switch", NAME, "1.1", "--dry-run")
    assert unknown.returncode == 0, "no verb has read the store since"
    assert site(trusting, "sync", f"{NAME}@stable").returncode == 2
    refused = site(trusting, "switch", NAME, "1.1")
    assert refused.returncode == 3
    assert f"{NAME}@1.1 was withdrawn: {REASON}" in refused.stderr
    assert "--allow-yanked" in refused.stderr
    assert booted_kernel(menus(trusting)["ssi1"]) == "1.0"
    done = site(trusting, "switch", NAME, "1.1", "--allow-yanked")
    assert (done.returncode, f"{NAME}@1.1 was withdrawn: {REASON}" in done.stdout) == (0, True)
    assert booted_kernel(menus(trusting)["ssi1"]) == "1.1"
    assert journal.read_entries(trusting)[-1].command == ("switch", NAME, "1.1", "--allow-yanked")
    assert site(trusting, "switch", NAME, "1.1").returncode == 0, "nothing changes"


def test_status_and_sync_say_so(trusting: Places, published: Case) -> None:
    """With the reason: of a release that nodes boot as a problem, of another one that is here as a note."""
    assert site(trusting, "status").returncode == 0
    withdraw(published, "1.0")
    following = site(trusting, "sync", f"{NAME}@stable")
    assert following.returncode == 0, following.stderr
    assert f"Nodes boot {NAME} 1.0, which was withdrawn: {REASON}" in following.stderr
    now = site(trusting, "status")
    assert now.returncode == 0, "nodes boot 1.1 now"
    assert f"caution: {NAME} 1.0, which is unpacked here, was withdrawn: {REASON}" in now.stderr
    back = site(trusting, "rollback", NAME)
    assert (back.returncode, f"{NAME}@1.0 was withdrawn: {REASON}" in back.stdout) == (0, True)
    then = site(trusting, "status")
    assert then.returncode == 1
    assert f"DIFFERS: ssi[1-4] boot {NAME} 1.0, which was withdrawn: {REASON}" in then.stdout


def test_sync_says_so_when_no_channel_is_left(trusting: Places, published: Case) -> None:
    """A withdrawn release is in no channel, so that `sync` fails; before that it names what nodes boot."""
    assert site(trusting, "sync", f"{NAME}@stable").returncode == 0
    withdraw(published, "1.1")
    failed = site(trusting, "sync", f"{NAME}@stable")
    assert failed.returncode == 2
    assert f"Nodes boot {NAME} 1.1, which was withdrawn: {REASON}" in failed.stderr


def test_a_release_of_a_directory_is_known_by_its_manifest(trusting: Places, published: Case, tmp_path: Path) -> None:
    """Wherever it was unpacked from; another release of this name and version is another one."""
    withdraw(published, "1.1")
    site(trusting, "sync", f"{NAME}@stable")
    other = Places(tmp_path / "other")
    other.data.mkdir(parents=True)
    other.withdrawn.write_bytes(trusting.withdrawn.read_bytes())
    assert site(other, "unpack", published.releases / NAME / "1.1").returncode == 0
    assert site(other, "switch", NAME, "1.1").returncode == 3
