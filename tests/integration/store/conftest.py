"""Every kind of store, each with a server of its own that all tests share and a place in it for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from registry_server import PROGRAM, RegistryServer, require
from store_servers import BUCKET, KEY, SECRET, Kind, Nginx, run_nginx, run_rclone, run_seaweedfs

from builder.store.storage.access import Access
from builder.store.storage.interface import Storage

KINDS = ("directory", "nginx", "seaweedfs", "rclone", "registry")
"""A kind NAME has a fixture `NAME_kind`, which gives a Kind with an empty store."""

PLACES = itertools.count()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxies of whoever runs the tests are not asked, neither by the tests nor by processes that they start."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """An empty store of each kind."""
    made: Kind = request.getfixturevalue(f"{request.param}_kind")
    return made


@pytest.fixture
def storage(kind: Kind) -> Storage:
    """An empty store of each kind, opened."""
    return kind.open()


@pytest.fixture
def directory_kind(tmp_path: Path) -> Kind:
    """A directory."""
    return Kind(str(tmp_path / "store"), swaps_safely=True)


@pytest.fixture
def nginx_kind(nginx: Nginx) -> Kind:
    """A directory behind nginx, which takes files by PUT."""
    return Kind(f"{nginx.url}/dav/{next(PLACES)}", lists=False)


@pytest.fixture
def seaweedfs_kind(seaweedfs: str) -> Kind:
    """A bucket of a server that keeps to conditions on writes."""
    return Kind(f"s3://{BUCKET}/{next(PLACES)}", _access(seaweedfs), swaps_safely=True)


@pytest.fixture
def rclone_kind(rclone: str) -> Kind:
    """A bucket of a server that ignores conditions on writes, and shows files that are being written."""
    return Kind(f"s3://{BUCKET}/{next(PLACES)}", _access(rclone), replaces_whole=False)


@pytest.fixture
def registry_kind(registry: str) -> Kind:
    """A repository of a registry."""
    return Kind(f"oci://{registry}/site/{next(PLACES)}")


def _access(url: str) -> Access:
    return Access(user=KEY, secret=SECRET, endpoint=url)


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """Debian's nginx."""
    with run_nginx(tmp_path_factory.mktemp("nginx")) as running:
        yield running


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of SeaweedFS."""
    with run_seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as url:
        yield url


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of `rclone serve s3`."""
    with run_rclone(tmp_path_factory.mktemp("rclone")) as url:
        yield url


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of docker-registry."""
    require(PROGRAM)
    with RegistryServer(tmp_path_factory.mktemp("registry")).running() as running:
        yield running.host
