"""Disks that are full, stores that are read-only, releases that changed: each is told, and nothing is lost."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from registry_server import PROGRAM, RegistryServer, require
from small_release import make_release
from store_case import Case, files_in

from builder.errors import NfsrootError
from builder.store import reader, transfer
from builder.store.errors import StoreError
from builder.store.publish import Candidate, publish
from builder.store.release import read_manifest
from builder.store.storage.directory import DirectoryStorage
from builder.store.storage.oci import OciStorage
from builder.store.verify import verify_store

MIB = 1 << 20
NFSROOT = Path(sys.executable).with_name("nfsroot")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home directory without keys."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A release of 8 MiB."""
    parts = [bytes([at]) * MIB for at in range(8)]
    return make_release(tmp_path / "releases", files={"root.tar.zst": parts, "server.tar.gz": [parts[0], b"end"]})


def in_namespace(mount: str, *commands: tuple[object, ...]) -> subprocess.CompletedProcess[str]:
    """Run commands of nfsroot one after the other, in a mount namespace in which `mount` was run first."""
    lines = [mount, *(shlex.join([str(NFSROOT), *map(str, command)]) for command in commands)]
    return subprocess.run(
        ["unshare", "--mount", "sh", "-ec", "\n".join(lines)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_full_store(release: Path, tmp_path: Path) -> None:
    """A store without room says so; with room, the same publish goes on."""
    store = tmp_path / "store"
    store.mkdir()
    publish = ("publish", release, "--to", store)
    ended = in_namespace(f"mount -t tmpfs -o size=4m tmpfs {store}", publish)
    assert ended.returncode == 1
    assert "No space left on device" in ended.stderr
    assert "nfsroot store prune" in ended.stderr
    assert "Traceback" not in ended.stderr
    grown = f"mount -t tmpfs -o size=4m tmpfs {store}\n{shlex.join([str(NFSROOT), *map(str, publish)])} || true\n"
    ended = in_namespace(f"{grown}mount -o remount,size=64m {store}", publish, ("verify", store))
    assert ended.returncode == 0, ended.stderr
    assert "signatures and all blobs verified" in ended.stdout


def test_full_disk_of_a_reader(release: Path, tmp_path: Path) -> None:
    """A fetch without room says before it begins what it needs and where."""
    store, here = tmp_path / "store", tmp_path / "here"
    here.mkdir()
    Case(DirectoryStorage(store), tmp_path).publish(release)
    ended = in_namespace(
        f"mount -t tmpfs -o size=4m tmpfs {here}", ("fetch", "small", "--from", store, here / "small/1.0")
    )
    assert ended.returncode == 1
    assert "MB free, and small 1.0 needs" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_place_for_temporary_files(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who cannot make a temporary file is told its path, and not the directory of the store's metadata."""
    case = Case(DirectoryStorage(tmp_path / "store"), tmp_path)
    case.publish(release)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(NfsrootError, match=f"{re.escape(str(tmp_path / 'gone'))}/.* cannot be written: No such file"):
        reader.open_trusted(case.storage)


def test_read_only_store(release: Path, tmp_path: Path) -> None:
    """A store on a read-only medium can be listed, verified and fetched from; publishing says why it cannot."""
    store = tmp_path / "store"
    Case(DirectoryStorage(store), tmp_path).publish(release)
    read_only = f"mount --bind {store} {store}; mount -o remount,bind,ro {store}"
    fetched = tmp_path / "fetched"
    ended = in_namespace(read_only, ("list", store), ("verify", store), ("fetch", "small", "--from", store, fetched))
    assert ended.returncode == 0, ended.stderr
    assert files_in(release).items() <= files_in(fetched).items()
    before = files_in(store)
    ended = in_namespace(read_only, ("publish", release, "--to", store, "--channel", "test"))
    assert ended.returncode == 1
    assert "Read-only file system" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert files_in(store) == before


def test_store_that_is_not_mounted(release: Path, tmp_path: Path) -> None:
    """An empty directory in the place of a store is no new store: nothing is written, and the store is as it was."""
    store = tmp_path / "store"
    Case(DirectoryStorage(store), tmp_path).publish(release)
    store.rename(tmp_path / "away")
    store.mkdir()
    ended = in_namespace("true", ("publish", make_release(tmp_path / "releases", version="2"), "--to", store))
    assert ended.returncode == 3
    assert "Is its file system mounted?" in ended.stderr
    assert files_in(store) == {}
    store.rmdir()
    (tmp_path / "away").rename(store)
    ended = in_namespace("true", ("publish", tmp_path / "releases/small/2", "--to", store), ("verify", store))
    assert ended.returncode == 0, ended.stderr


def test_server_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ends while a release is published is named; readers see the state before, the next try works."""
    require(PROGRAM)
    monkeypatch.setattr(transfer, "WAITS", (0.1, 0.1))
    server = RegistryServer(tmp_path / "registry")
    case = Case(OciStorage(server.host, "site/nfsroot"), tmp_path / "releases")
    first, second = (make_release(case.releases, version=version) for version in ("1", "2"))
    with ExitStack() as running:
        running.enter_context(server.running())
        case.publish(first)
        # The check of the files is what publish does before it sends the first part.
        candidate = Candidate(second, read_manifest(second), "passed", dict, lambda _: running.close())
        with pytest.raises(StoreError, match=re.escape(server.host)):
            publish(case.publisher(), candidate, case.transfers)
    with server.running():
        assert [release.version for release in case.catalog()["small"]] == ["1"]
        case.publish(second)
        assert {release.version for release in case.catalog()["small"]} == {"1", "2"}
        assert verify_store(reader.open_trusted(case.storage), lambda _: None) == []


def test_keys_without_room(release: Path, tmp_path: Path) -> None:
    """A first publish whose keys cannot be kept publishes nothing."""
    store = tmp_path / "store"
    (tmp_path / "home/.config").mkdir()
    home = f"mount -t tmpfs -o size=4k,nr_inodes=2 tmpfs {tmp_path}/home/.config"
    ended = in_namespace(home, ("publish", release, "--to", store))
    assert ended.returncode == 1
    assert "No space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (store / "metadata").exists()


def test_nobody_at_the_address(release: Path) -> None:
    """A server that is not there is named, without a traceback."""
    ended = subprocess.run(
        [NFSROOT, "list", "http://127.0.0.1:9/nfsroot"], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert ended.returncode == 1
    assert "127.0.0.1:9" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_damaged_release(release: Path, tmp_path: Path) -> None:
    """Verifying a release names the file that changed, and a store that lost a blob names the releases it spoils."""
    store = tmp_path / "store"
    Case(DirectoryStorage(store), tmp_path).publish(release)
    lost = max((store / "blobs/sha256").iterdir(), key=lambda file: file.name)
    lost.unlink()
    ended = in_namespace("true", ("verify", store))
    assert ended.returncode == 1
    assert f"{lost.name} is missing (small@1.0)" in ended.stderr
    again = in_namespace("true", ("publish", release, "--to", store), ("verify", store))
    assert again.returncode == 0, again.stderr
    flipped = store / "blobs/sha256" / lost.name
    content = flipped.read_bytes()
    flipped.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    ended = in_namespace("true", ("verify", store))
    assert f"{lost.name} has another SHA-256 (small@1.0)" in ended.stderr
    again = in_namespace("true", ("publish", release, "--to", store, "--repair"), ("verify", store))
    assert again.returncode == 0, again.stderr
    (release / "server.tar.gz").write_bytes(b"changed")
    ended = in_namespace("true", ("verify", release))
    assert ended.returncode == 1
    assert "server.tar.gz is not the file that the manifest names" in ended.stderr
