"""`nfsroot-site sync`: a site follows a channel of a real store, and does nothing when all is current."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from store_case import Case
from unpack_case import release, site, store
from unpacked_site import booted_kernel, menus

from builder.site import state as states
from builder.site.places import Places
from builder.store import reader

NAME = "debian-nfsroot"


@pytest.fixture
def published(tmp_path: Path) -> Case:
    """A store with version 1.0 in the channel `stable`."""
    case = store(tmp_path)
    case.publish(release(case.releases, name=NAME), channel="stable")
    return case


@pytest.fixture
def trusting(places: Places, published: Case) -> Places:
    """A site that trusts the store."""
    assert site(places, "trust", published.storage.address, reader.open_trusted(published.storage).fingerprint)
    return places


def test_nodes_follow_a_channel(trusting: Places, published: Case) -> None:
    """Each version is unpacked and switched to once; the first one is not on trial, the second is."""
    first = site(trusting, "sync", f"{NAME}@stable", "--confirm", "15m")
    assert first.returncode == 0, first.stderr
    assert booted_kernel(menus(trusting)["ssi1"]) == "1.0"
    again = site(trusting, "sync", f"{NAME}@stable", "--confirm", "15m")
    assert (again.returncode, again.stdout) == (0, f"{NAME}: all is current: 1.0.\n")
    published.publish(release(published.releases, "1.1", name=NAME), channel="stable")
    second = site(trusting, "sync", f"{NAME}@stable", "--confirm", "15m")
    assert second.returncode == 0, second.stderr
    assert "ssi[1-4] boot 1.1 on trial from the next boot on (before: 1.0)." in second.stdout
    assert "nfsbooted.trial=600" in menus(trusting)["ssi4"]
    waiting = site(trusting, "sync", f"{NAME}@stable")
    assert (waiting.returncode, "has 1.1 on trial until" in waiting.stdout) == (0, True)


def test_a_version_that_was_given_up_is_not_tried_again(trusting: Places, published: Case) -> None:
    """Until the channel names another one."""
    for version in ("1.0", "1.1"):
        if version != "1.0":
            published.publish(release(published.releases, version, name=NAME), channel="stable")
        done = site(trusting, "sync", f"{NAME}@stable")
        assert done.returncode == 0, done.stderr
        assert states.read(trusting.state).of(NAME).version == version
    assert site(trusting, "rollback", NAME).returncode == 0
    assert "1.1 was given up here" in site(trusting, "sync", f"{NAME}@stable").stdout
    assert states.read(trusting.state).of(NAME).version == "1.0"
    published.publish(release(published.releases, "1.2", name=NAME), channel="stable")
    assert site(trusting, "sync", f"{NAME}@stable").returncode == 0
    assert states.read(trusting.state).of(NAME).version == "1.2"


def test_a_store_that_stands_still_is_refused(trusting: Places) -> None:
    """Somebody may hold newer releases back."""
    time.sleep(2.1)  # the times in the store's metadata are whole seconds
    refused = site(trusting, "sync", f"{NAME}@stable", "--max-age", "1s")
    assert refused.returncode == 3
    assert "may be held back" in refused.stderr
    assert not trusting.menus.exists()


def test_sync_follows_channels_alone(trusting: Places) -> None:
    """A version or nothing names no channel that moves."""
    refused = site(trusting, "sync", NAME)
    assert (refused.returncode, f"{NAME} names none" in refused.stderr) == (2, True)
