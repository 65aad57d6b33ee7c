"""`nfsroot-site trust` and `unpack` of what a store has: verified, and fetched no further than is needed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from store_case import Case
from unpack_case import release, site, store

from builder.site.places import Places
from builder.site.records import read_records
from builder.store import catalog, reader
from builder.store.metadata import Targets


@pytest.fixture
def published(tmp_path: Path) -> Case:
    """A store with version 1.0 in the channel `stable`."""
    case = store(tmp_path)
    case.publish(release(case.releases), channel="stable")
    return case


def fingerprint(case: Case) -> str:
    """What the store's publisher was told."""
    return reader.open_trusted(case.storage).fingerprint


def withdraw(targets: Targets) -> None:
    """Withdraw version 1.0 with a reason."""
    catalog.yank(targets, "kerrighed", "1.0", "it burns")


def unpacked(places: Places) -> list[str]:
    """The versions that are unpacked, and have a tree."""
    found = [record for versions in read_records(places).values() for record in versions.values()]
    return sorted(record.version for record in found if places.on_server(record.settings.root.directory).is_dir())


def test_a_trusted_store_needs_no_name(places: Places, published: Case) -> None:
    """After `trust`, a release is named by its channel alone."""
    done = site(places, "trust", published.storage.address, fingerprint(published))
    assert (done.returncode, done.stderr) == (0, "")
    done = site(places, "unpack", "kerrighed@stable")
    assert (done.returncode, done.stdout) == (0, "kerrighed 1.0 is unpacked\n"), done.stderr
    record = read_records(places)["kerrighed"]["1.0"]
    assert (record.origin.source, record.origin.lab) == (published.storage.address, "passed")
    assert site(places, "unpack", "kerrighed@stable").stdout == "kerrighed 1.0 is here already\n"


def test_a_store_that_nobody_trusts(places: Places, published: Case) -> None:
    """Nothing comes from a store before its fingerprint was compared; the command for that is shown."""
    assert "this site trusts no store yet" in site(places, "unpack", "kerrighed").stderr
    refused = site(places, "unpack", "kerrighed", "--from", published.storage.address)
    assert refused.returncode == 3
    assert f"nfsroot-site trust {published.storage.address} {fingerprint(published)}" in refused.stderr
    wrong = site(places, "trust", published.storage.address, f"SHA256:{'0' * 64}")
    assert wrong.returncode == 3
    assert not places.stores.exists()
    assert unpacked(places) == []


def test_two_stores_have_to_be_named(places: Places, published: Case, tmp_path: Path) -> None:
    """With two trusted stores, `unpack` asks from which one."""
    copy = tmp_path / "copy"
    shutil.copytree(published.storage.address, copy)
    for address in (published.storage.address, copy):
        assert site(places, "trust", address, fingerprint(published)).returncode == 0
    asked = site(places, "unpack", "kerrighed")
    assert asked.returncode == 2
    assert "--from STORE" in asked.stderr
    assert site(places, "unpack", "kerrighed", "--from", copy).returncode == 0


def test_a_name_in_the_machines_configuration(places: Places, published: Case) -> None:
    """/etc/nfsroot-site.toml gives stores short names, beside its other tables."""
    places.configuration.parent.mkdir()
    places.configuration.write_text(f'[server]\ndhcp = "kea"\n[stores.ours]\nurl = "{published.storage.address}"\n')
    assert site(places, "trust", "ours", fingerprint(published)).returncode == 0
    assert site(places, "unpack", "kerrighed", "--from", "ours").returncode == 0


def test_parts_that_are_here_are_not_fetched(places: Places, published: Case) -> None:
    """The second release takes its parts from the first one, of which nothing but the parts goes afterwards."""
    assert site(places, "trust", published.storage.address, fingerprint(published)).returncode == 0
    assert site(places, "unpack", "kerrighed@1.0").returncode == 0
    published.publish(release(published.releases, "1.1"))
    done = site(places, "unpack", "kerrighed@1.1")
    assert done.returncode == 0, done.stderr
    assert unpacked(places) == ["1.0", "1.1"]
    assert [each.name for each in (places.fetched / "kerrighed").iterdir()] == ["1.1"]


def test_a_damaged_store(places: Places, published: Case) -> None:
    """A blob that was changed after it was signed is refused, and nothing is unpacked."""
    assert site(places, "trust", published.storage.address, fingerprint(published)).returncode == 0
    for blob in Path(published.storage.address, "blobs/sha256").iterdir():
        blob.chmod(0o644)
        content = bytearray(blob.read_bytes())
        content[len(content) // 2] ^= 1
        blob.write_bytes(content)
    refused = site(places, "unpack", "kerrighed")
    assert refused.returncode == 3, refused.stderr
    assert unpacked(places) == []


def test_what_was_fetched_and_damaged_is_fetched_anew(places: Places, published: Case) -> None:
    """A fetched release whose bytes changed on this machine is not what is unpacked."""
    assert site(places, "trust", published.storage.address, fingerprint(published)).returncode == 0
    assert site(places, "unpack", "kerrighed").returncode == 0
    root = places.fetched / "kerrighed/1.0/kerrighed-1.0-root.tar.zst"
    root.write_bytes(root.read_bytes()[:-1])
    shutil.rmtree(places.releases)
    shutil.rmtree(places.on_server("/NFSROOT"))
    shutil.rmtree(places.served)
    assert site(places, "unpack", "kerrighed").returncode == 0
    assert unpacked(places) == ["1.0"]


def test_a_withdrawn_release(places: Places, published: Case) -> None:
    """A release that was withdrawn is refused with the reason, unless somebody insists."""
    assert site(places, "trust", published.storage.address, fingerprint(published)).returncode == 0
    published.publisher().commit(withdraw)
    refused = site(places, "unpack", "kerrighed@1.0")
    assert refused.returncode == 3
    assert "it burns" in refused.stderr
    insisted = site(places, "unpack", "kerrighed@1.0", "--allow-yanked")
    assert insisted.returncode == 0
    assert "it burns" in insisted.stderr


def test_a_store_that_is_away(places: Places, published: Case) -> None:
    """Without its store nothing is unpacked, and what is here stays."""
    assert site(places, "trust", published.storage.address, fingerprint(published)).returncode == 0
    assert site(places, "unpack", "kerrighed").returncode == 0
    away = Path(published.storage.address).rename(Path(f"{published.storage.address}.away"))
    refused = site(places, "unpack", "kerrighed")
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr
    assert unpacked(places) == ["1.0"]
    assert away.is_dir()
