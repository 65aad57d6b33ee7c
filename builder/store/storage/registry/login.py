"""Introduces nfsroot to a registry: with a user and a password, or with tokens that another server gives.

The scheme of tokens is Docker's ("Token Authentication Specification", and its variant for OAuth2), which registries
share; challenges have the form of RFC 9110 section 11.6.1.
"""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from builder.store.errors import PermissionRefusedError, StoreError
from builder.store.storage.access import Access
from builder.store.storage.answers import explain_status
from builder.store.storage.connections import Answer, Connections
from builder.store.storage.registry.credentials import IDENTITY, find_credentials

READING = ("GET", "HEAD")
MOST = 1 << 20
"""Bytes of a token server's answer."""


class Challenge(NamedTuple):
    """A registry's demand for credentials, and its parameters: `scheme` is `bearer` or `basic`."""

    scheme: str
    parameters: dict[str, str]


class Login:
    """The credentials for one repository.  Threads share tokens; reading, writing and deleting have one each.

    The credentials are those in `access`, or else those that podman and docker know.
    """

    def __init__(self, connections: Connections, host: str, repository: str, access: Access) -> None:
        self._connections = connections
        self._host, self._repository = host, repository
        self._given = access
        self._access: Access | None = access if access.secret else None
        self._lock = threading.Lock()
        self._held: dict[str, dict[str, str]] = {}

    @property
    def who(self) -> str:
        """The user whom the registry has seen, in words."""
        access = self._access
        if not access or not access.secret:
            return "someone without credentials"
        return access.user if access.user not in ("", IDENTITY) else "the owner of a token"

    def headers(self, method: str) -> dict[str, str]:
        """The headers with the credentials of a request; none before the registry has asked for credentials."""
        return self._held.get(_purpose(method), {})

    def renew(self, method: str, used: Mapping[str, str], answer: Answer) -> bool:
        """Get other headers than those that were `used` in vain; return false when there are no others.

        :raises PermissionRefusedError: the token server refuses the credentials.
        """
        purpose = _purpose(method)
        with self._lock:
            if self._held.get(purpose, {}) != used:  # another thread has got them meanwhile
                return True
            if self._access is None:
                self._access = find_credentials(self._host, self._repository)
            headers = self._introduce(_challenges(answer), answer.url)
            self._held[purpose] = headers
            return bool(headers) and headers != used

    def _introduce(self, challenges: list[Challenge], url: str) -> dict[str, str]:
        access = self._access or self._given
        if access.secret and not access.user:
            return access.headers()
        for scheme, parameters in challenges:
            if scheme == "bearer" and parameters.get("realm"):
                return {"Authorization": f"Bearer {self._get_token(access, parameters, url)}"}
        if access.secret and any(scheme == "basic" for scheme, _ in challenges):
            return access.headers()
        return {}

    def _get_token(self, access: Access, parameters: Mapping[str, str], url: str) -> str:
        """The token that the server at `realm` gives for the scope that the registry names."""
        realm = parameters["realm"]
        if urlsplit(realm).scheme not in ("https", urlsplit(url).scheme):
            raise StoreError(f"the registry at {self._host} wants passwords to be sent to {realm} without encryption")
        wanted = {key: parameters[key] for key in ("service", "scope") if key in parameters}
        if access.user == IDENTITY:
            answer = self._trade_identity(realm, wanted, access)
        else:
            own = access.headers() if access.secret else {}
            answer = self._connections.ask("GET", _with_query(realm, wanted), credentials=own)
        try:
            return self._read_token(answer)
        finally:
            answer.response.close()

    def _trade_identity(self, realm: str, wanted: Mapping[str, str], access: Access) -> Answer:
        """Ask for a token with an identity token in place of a password (RFC 6749 section 6)."""
        form = {"grant_type": "refresh_token", "client_id": "nfsroot", "refresh_token": access.secret, **wanted}
        body = urlencode(form).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
        return self._connections.ask("POST", realm, headers, iter((body,)), {})

    def _read_token(self, answer: Answer) -> str:
        host = urlsplit(answer.url).netloc
        if answer.status != 200:
            error = explain_status(
                answer, f"give {self.who} a token", host, self._access.secret if self._access else ""
            )
            if not isinstance(error, PermissionRefusedError):
                raise error
            raise PermissionRefusedError(error.brief, details=error.details, resolution=self._advice())
        text = b""
        for piece in answer.pieces():
            text += piece
            if len(text) > MOST:
                break
        try:
            document = json.loads(text)
            return str(document.get("token") or document["access_token"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(f"{host} answers with no token for the registry at {self._host}") from error

    def _advice(self) -> str:
        return f"Run\n\n    podman login {self._host}\n\nor name a user and a password in the store's configuration."


def _purpose(method: str) -> str:
    return "GET" if method in READING else "DELETE" if method == "DELETE" else "PUT"


def _with_query(url: str, parameters: Mapping[str, str]) -> str:
    query = urlencode(parameters)
    return f"{url}{'&' if urlsplit(url).query else '?'}{query}" if query else url


def _challenges(answer: Answer) -> list[Challenge]:
    """The challenges of an answer, one for each header."""
    found = []
    for header in answer.response.headers.getlist("WWW-Authenticate"):
        scheme, _, rest = header.strip().partition(" ")
        pairs = (pair for pair in urllib.request.parse_http_list(rest) if "=" in pair)
        found.append(Challenge(scheme.lower(), urllib.request.parse_keqv_list(list(pairs))))
    return found
