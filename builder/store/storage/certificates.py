"""The certificates of the authorities that may sign the certificate of a store's server."""

from __future__ import annotations

import ssl
from pathlib import Path

import urllib3

from builder.errors import InputError

URLLIB3_COMPARES_NAMES = urllib3.__version__.startswith("1.")  # type: ignore[attr-defined]
"""Whether urllib3 itself compares a server's name with the names in its certificate, when OpenSSL does not.

The urllib3 1.26 of Debian 12 does, and cannot tell OpenSSL about servers that are named by an IP address.
"""


def make_tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """A TLS context with the authorities of the system ($SSL_CERT_FILE, where that is set), and those in `ca_file`.

    :raises InputError: the file cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    context.check_hostname = not URLLIB3_COMPARES_NAMES
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # ssl.SSLError is one
            why = "it holds no certificate in PEM form" if isinstance(error, ssl.SSLError) else error.strerror
            raise InputError(f"the certificates in {ca_file} cannot be read: {why}") from error
    return context


def read_certificates(ca_file: Path) -> bytes:
    """The authorities in `ca_file`, in PEM form (RFC 7468).

    :raises InputError: the file cannot be read, or holds no certificate.
    """
    make_tls_context(ca_file)
    return ca_file.read_bytes()
