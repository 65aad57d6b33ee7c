"""A certificate authority of a site, and a certificate that it gave to a server on the loopback interface."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class SiteAuthority:
    """Writes `ca.pem`, and `server.pem` with `server.key`, into a directory."""

    def __init__(self, directory: Path) -> None:
        self.ca_file = directory / "ca.pem"
        key, name = ec.generate_private_key(ec.SECP256R1()), _name("site authority")
        authority = _certificate(name, name, key.public_key()).add_extension(x509.BasicConstraints(True, 0), True)
        self.ca_file.write_bytes(_pem(authority.sign(key, hashes.SHA256())))
        own = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        server = _certificate(_name("server"), name, own.public_key()).add_extension(alternative, False)
        server = server.add_extension(x509.BasicConstraints(False, None), True)
        server = server.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        self.certificate, self.key = directory / "server.pem", directory / "server.key"
        self.certificate.write_bytes(_pem(server.sign(key, hashes.SHA256())))
        form, kind = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        self.key.write_bytes(own.private_bytes(serialization.Encoding.PEM, form, kind))

    def context(self) -> ssl.SSLContext:
        """The server's side of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
