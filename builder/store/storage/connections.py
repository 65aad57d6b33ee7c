"""Connections to web servers: proxies from the environment, certificates, time limits, and redirects."""

from __future__ import annotations

import contextlib
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import urllib3

from builder import __version__
from builder.errors import InputError
from builder.store.errors import PermissionRefusedError, StoreError, TransientError
from builder.store.storage.access import Access
from builder.store.storage.certificates import make_tls_context
from builder.store.storage.interface import PIECE
from builder.store.storage.many import SIDE_BY_SIDE
from builder.urls import without_users

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 60.0
"""Seconds that a server may take to accept a connection, and to send or take the next bytes."""

REDIRECTS = 5
"""The most redirects in a row."""

HEADERS = {"User-Agent": f"nfsroot/{__version__}", "Accept-Encoding": "identity", "Cache-Control": "no-cache"}
"""Headers of each request: no compression, since digests are of the stored bytes; no answer from an old cache."""

REFUSED_CERTIFICATE = ("CERTIFICATE_VERIFY_FAILED", "doesn't match")
"""Words of OpenSSL, and of urllib3 1.26, for a certificate that is not the server's."""


class Answer(NamedTuple):
    """A server's answer, whose body is not read yet, and the address that sent it.

    `introduced` tells whether the request carried the credentials.
    """

    response: urllib3.BaseHTTPResponse
    url: str
    introduced: bool

    @property
    def status(self) -> int:
        """The status code (RFC 9110 section 15)."""
        return self.response.status

    @property
    def kind(self) -> str:
        """The media type of the body, in small letters and without parameters."""
        return self.response.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def length(self) -> int | None:
        """The announced number of bytes."""
        length = self.response.headers.get("Content-Length", "")
        return int(length) if length.isdigit() else None

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it was sent, in pieces of at most 1 MiB.

        :raises TransientError: the body ends before the announced length, or before the last chunk.
        """
        with translate_errors(self.url):
            yield from self.response.stream(PIECE, decode_content=False)


class Connections:
    """Sends requests to web servers.  `silent` is the time limit between two pieces, in seconds."""

    def __init__(self, access: Access, silent: float = SILENT_SECONDS) -> None:
        self._access = access
        self._certificates = make_tls_context(access.ca_file)
        self._options: dict[str, Any] = {
            "ssl_context": self._certificates,
            "timeout": urllib3.Timeout(connect=min(CONNECT_SECONDS, silent), read=silent),
            "retries": False,  # the caller decides about another try
            "maxsize": SIDE_BY_SIDE,
        }
        self._direct = urllib3.PoolManager(**self._options)
        self._proxies: dict[str, urllib3.ProxyManager] = {}

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: Iterable[bytes] | None = None,
        credentials: Mapping[str, str] | None = None,
    ) -> Answer:
        """The server's answer to a request, which carries `credentials`, or else those of the store, as headers.

        GET and HEAD follow redirects.  Credentials go to the scheme, host and port of `url` only, and a redirect from
        https to http is refused.

        :raises TransientError: the server cannot be reached or breaks the connection.
        :raises StoreError: the server's certificate is refused, or the server redirects in a circle.
        """
        at = url
        for _ in range(REDIRECTS + 1):
            introduced = _origin(at) == _origin(url)
            own = (self._access.headers() if credentials is None else credentials) if introduced else {}
            answer = self._ask_once(method, at, {**HEADERS, **own, **(headers or {})}, body)
            target = answer.get_redirect_location() if method in ("GET", "HEAD") else None
            if not target:
                return Answer(answer, at, introduced)
            answer.close()
            target = urljoin(at, target)
            _refuse_scheme(at, target)
            at = target
        raise StoreError(f"{_host(url)} redirects more than {REDIRECTS} times in a row")

    def _ask_once(
        self, method: str, url: str, headers: Mapping[str, str], body: Iterable[bytes] | None
    ) -> urllib3.BaseHTTPResponse:
        with translate_errors(url):
            return self._pool(urlsplit(url)).request(
                method,
                url,
                body=body,
                headers=headers,
                preload_content=False,
                redirect=False,
                enforce_content_length=True,  # which urllib3 1.26 does not do unasked
            )

    def _pool(self, url: SplitResult) -> urllib3.PoolManager:
        """The connections that lead to `url`: direct ones, or those through its proxy."""
        proxy = urllib.request.getproxies().get(url.scheme)
        if not proxy or urllib.request.proxy_bypass(url.netloc):
            return self._direct
        if proxy not in self._proxies:
            self._proxies[proxy] = self._through(proxy)
        return self._proxies[proxy]

    def _through(self, proxy: str) -> urllib3.ProxyManager:
        split = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        if split.scheme not in ("http", "https"):
            raise InputError(
                f"the proxy {without_users(proxy)} in the environment is of a kind that nfsroot does not know",
                resolution="Name a proxy that begins with http:// or https://, or put the store's host into no_proxy.",
            )
        user = f"{unquote(split.username)}:{unquote(split.password or '')}" if split.username else None
        return urllib3.ProxyManager(
            without_users(split.geturl()),
            proxy_headers=urllib3.make_headers(proxy_basic_auth=user) if user else None,
            proxy_ssl_context=self._certificates,
            **self._options,
        )


@contextlib.contextmanager
def translate_errors(url: str) -> Iterator[None]:
    """Turn errors of the connection to `url` into those of a store."""
    try:
        yield
    except urllib3.exceptions.LocationParseError as error:
        raise InputError(f"{_host(url)} is no address of a web server") from error
    except urllib3.exceptions.HTTPError as error:
        reason = error.original_error if isinstance(error, urllib3.exceptions.ProxyError) else error
        if reason is not error and " 407 " in f"{reason} ":
            raise PermissionRefusedError(
                f"the proxy on the way to {_host(url)} refuses the connection",
                details=str(reason),
                resolution="Write the proxy's user and password into the variable that names the proxy.",
            ) from error
        if isinstance(reason, urllib3.exceptions.SSLError) and any(
            words in str(reason) for words in REFUSED_CERTIFICATE
        ):
            raise StoreError(
                f"the certificate of {_host(url)} is not accepted",
                details=str(reason),
                resolution="Name the certificate of your site's authority as `ca_file` in the store's configuration.",
            ) from error
        raise TransientError(f"the connection to {_host(url)} failed", details=str(reason)) from error


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port (RFC 6454 section 4)."""
    split = urlsplit(url)
    return split.scheme, split.hostname, split.port or {"http": 80, "https": 443}.get(split.scheme)


def _refuse_scheme(before: str, target: str) -> None:
    old, new = urlsplit(before).scheme, urlsplit(target).scheme
    if new != "https" and new != old:
        raise StoreError(f"{_host(before)} redirects from {old} to {new or 'an address without a scheme'}: refused")
