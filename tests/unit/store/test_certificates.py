"""Servers whose certificates come from the authority of a site."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from misbehaving_server import serve
from site_authority import SiteAuthority

from builder.store.errors import StoreError, TransientError
from builder.store.storage.access import Access
from builder.store.storage.http import HttpStorage
from builder.store.storage.interface import Storage
from builder.store.storage.s3 import S3Storage

Open = Callable[[str, Path | None], Storage]


def _http(url: str, ca_file: Path | None) -> Storage:
    return HttpStorage(url, Access(ca_file=ca_file))


def _s3(url: str, ca_file: Path | None) -> Storage:
    return S3Storage("s3://bucket", Access(endpoint=url, ca_file=ca_file))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxies of whoever runs the tests are not asked."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.mark.parametrize("open_storage", [_http, _s3])
def test_the_authority_of_a_site(tmp_path: Path, open_storage: Open) -> None:
    """A server whose authority nobody named is refused, with the setting that names it; then it is accepted."""
    site = SiteAuthority(tmp_path)
    made = {"Last_Modified": "Sat, 28 Nov 2026 22:44:55 GMT", "ETag": '"1"'}
    with serve(lambda to: to.send(200, b"secure", **made), site.context()) as server:
        with pytest.raises(StoreError, match=r"certificate of .* is not accepted") as caught:
            open_storage(server.url, None).read("a", 10)
        assert not isinstance(caught.value, TransientError)
        assert "`ca_file`" in str(caught.value)
        assert open_storage(server.url, site.ca_file).read("a", 10) == b"secure"


@pytest.mark.parametrize("open_storage", [_http, _s3])
def test_another_host_than_the_certificate_names(tmp_path: Path, open_storage: Open) -> None:
    """A certificate for another host is refused although its authority is accepted."""
    site = SiteAuthority(tmp_path)
    with serve(lambda to: to.send(200), site.context()) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        with pytest.raises(StoreError, match="is not accepted"):
            open_storage(url, site.ca_file).read("a", 10)
