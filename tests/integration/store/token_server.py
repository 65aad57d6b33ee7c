"""A server that gives tokens to users of a registry ("Token Authentication Specification" of Docker)."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

ISSUER, SERVICE = "issuer", "registry of the site"
USER, PASSWORD, IDENTITY = "ann", "pass:w%rd ä", "identity-token"
READER = ["pull"]
PUBLISHER = ["pull", "push", "delete"]


class TokenServer:
    """Anybody gets tokens to pull; USER with PASSWORD, and the owner of IDENTITY, get tokens for all.

    `asked` has the header and the parameters of each request; the first `expired` tokens are too old.
    """

    def __init__(self, directory: Path) -> None:
        self.certificate = directory / "token.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._der = self._certify()
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.expired = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def settings(self) -> dict[str, Any]:
        """The table `auth` of a registry that trusts this server."""
        realm = f"http://127.0.0.1:{self._server.server_port}/token?kind=test"
        return {
            "token": {"realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(self.certificate)}
        }

    @contextlib.contextmanager
    def running(self) -> Iterator[TokenServer]:
        """Answer during the block."""
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def answer(self, header: str, parameters: dict[str, list[str]]) -> tuple[int, dict[str, str]]:
        """The status and the document for a request with this header `Authorization` and these parameters."""
        self.asked.append((header, parameters))
        password = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if header not in ("", f"Basic {password}"):
            return 401, {"details": "incorrect username or password"}
        if "refresh_token" in parameters and parameters["refresh_token"] != [IDENTITY]:
            return 401, {"details": "unknown refresh token"}
        known = bool(header) or "refresh_token" in parameters
        access = []
        for scope in parameters.get("scope", ()):  # none where somebody logs in only
            kind, name, wanted = scope.split(":")
            actions = [action for action in wanted.split(",") if action in (PUBLISHER if known else READER)]
            access.append({"type": kind, "name": name, "actions": actions})
        word = "access_token" if "refresh_token" in parameters else "token"
        return 200, {word: self._sign(access)}

    def _sign(self, access: list[dict[str, Any]]) -> str:
        """A JSON Web Token (RFC 7519) for what is granted, signed by ES256 (RFC 7518 section 3.4)."""
        now = int(time.time())
        end = now + 300
        if self.expired:
            self.expired, end = self.expired - 1, now - 120
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(self._der).decode()]}
        claims = {"iss": ISSUER, "sub": USER, "aud": SERVICE, "exp": end, "nbf": now - 600, "iat": now - 600}
        claims |= {"jti": uuid.uuid4().hex, "access": access}  # type: ignore[dict-item]
        signed = ".".join(_encode(json.dumps(part).encode()) for part in (header, claims))
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def _certify(self) -> bytes:
        """Write the certificate that signs itself; its DER form."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return made.public_bytes(serialization.Encoding.DER)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(parse_qs(urlsplit(self.path).query))

            def do_POST(self) -> None:
                self._send(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))

            def _send(self, parameters: dict[str, list[str]]) -> None:
                status, document = server.answer(self.headers.get("Authorization", ""), parameters)
                text = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler


def _encode(data: bytes) -> str:
    """base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
