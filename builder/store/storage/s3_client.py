"""Opens buckets of S3 servers: keys, certificates, and time limits."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from obstore.store import S3Store

from builder import __version__
from builder.store.storage.aws import Server
from builder.store.storage.certificates import read_certificates

if TYPE_CHECKING:
    from obstore.store import ClientConfig

CONNECT_SECONDS = 10
SILENT_SECONDS = 60
"""Seconds that a server may take to accept a connection, and to send the next bytes of an answer."""

UPLOAD_SECONDS = 600
"""Seconds that an upload of at most 16 MiB may take: the library cannot tell a slow upload from a silent server."""

DOWNLOAD_SECONDS = 24 * 3600
"""Seconds that a download of any size may take, while bytes come."""


def open_bucket(address: str, server: Server, ca_file: Path | None, silent: float, longest: float) -> S3Store:
    """The client of the S3 library for the address s3://BUCKET/PREFIX.

    An answer may take `silent` seconds without a byte and `longest` seconds in all.  Nothing is tried again.
    """
    split = urlsplit(address)
    client: ClientConfig = {
        "allow_http": server.endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "read_timeout": timedelta(seconds=silent),
        "timeout": timedelta(seconds=longest),
        "user_agent": f"nfsroot/{__version__}",
    }
    if ca_file:
        client["root_certificate"] = read_certificates(ca_file)
    return S3Store(
        split.netloc,
        prefix=unquote(split.path).strip("/") or None,
        client_options=client,
        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=longest)},
        **_options(server),
    )


def _options(server: Server) -> dict[str, Any]:
    """The library's options for the server and the keys."""
    options: dict[str, Any] = {
        "region": server.region,
        "skip_signature": server.anonymous,
        "disable_bulk_delete": True,  # some servers know no request that removes many objects
    }
    if server.endpoint:
        options |= {"aws_endpoint_url_s3": server.endpoint, "virtual_hosted_style_request": False}
    if server.key:
        keys = {"access_key_id": server.key, "secret_access_key": server.secret, "token": server.token or None}
        options["credential_provider"] = lambda: {**keys, "expires_at": None}
    return options
