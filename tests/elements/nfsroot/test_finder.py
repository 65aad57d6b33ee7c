"""Secrets are found by what they are, and nothing else is taken for one."""

from __future__ import annotations

import base64
import gzip
import random
import subprocess
from pathlib import Path

import pytest
from finder import is_token, kind_of, looks_random

SEEDS = range(20)
NAMES = ("Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta", "Eta", "Theta", "Iota", "Kappa", "Lambda")

BY_CONTENT = {
    "a private key of OpenSSH": b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz",
    "a private key (PEM)": b"# made by hand\n-----BEGIN RSA PRIVATE KEY-----\nMIIE",
    "a private key of GnuPG": b"Created: 20260101T000000\nKey: (private-key (rsa",
    "a private key of PuTTY": b"PuTTY-User-Key-File-3: ssh-ed25519\n",
    "a private key of WireGuard": b"[Interface]\nPrivateKey = " + b"aB3" * 14 + b"c=\n",
    "a private key (JWK)": b'{"kty":"EC","crv":"P-521","d":"AbCdEfGhIjKlMnOpQrSt"}',
    "a TSIG key": b'key "rndc-key" {\n\talgorithm hmac-sha256;\n\tsecret "Qq0H3sRk2T5vX8zB1dFgJmNpYbWcEaUi+/0=";\n};\n',
    "a password's hash": b"backuppc:$apr1$HsmalRPu$QjwoamwRCNulspg91tDfz/\n",
    "a keytab of Kerberos": b"\x05\x02\x00\x00\x00\x3c\x00\x01",
    "a password that debconf keeps": b"Name: a/b\nTemplate: a/b\nValue: hunter2\nOwners: a\n",
}
HARMLESS = {
    "certificate": b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "magic of a key": b"\n>0=\x00\x25-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
    "public key": b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFlDFdFUYGOf root@builder\n",
    "unanswered": b"Name: a/b\nTemplate: a/b\nValue: \nOwners: a\nFlags: seen\n",
    "comment": b"# key: 1DC764E0791B11FA67EFC7ECBC4B0D73F68A070C\n",
    "names": b"olcAttributeTypes: caseIgnoreIA5SubstringsMatch telephoneNumberSubstringsMatch\n",
    "variable": b"PATH=$1$HOME\n",
}


@pytest.mark.parametrize("kind", BY_CONTENT)
def test_kinds(kind: str) -> None:
    """Each kind of secret is called by its name, wherever its file is."""
    assert kind_of("opt/file", BY_CONTENT[kind], closed=False) == kind


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless(name: str) -> None:
    """What only looks like a secret, or speaks of one, is none, not even in a closed file."""
    if name == "public key":  # public keys are for everybody, and closed files that hold one are looked at by a person
        assert kind_of("opt/file", HARMLESS[name], closed=False) == ""
    else:
        assert kind_of("opt/file", HARMLESS[name], closed=True) == ""


@pytest.mark.parametrize("algorithm", ["rsa", "EC", "ed25519"])
@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_keys_of_openssl(tmp_path: Path, algorithm: str, form: str) -> None:
    """A private key that openssl makes is found in either of its forms."""
    options = {"rsa": ["-pkeyopt", "rsa_keygen_bits:1024"], "EC": ["-pkeyopt", "ec_paramgen_curve:P-256"]}
    key = tmp_path / "key"
    command = ["openssl", "genpkey", "-algorithm", algorithm, *options.get(algorithm, []), "-outform", form]
    subprocess.run([*command, "-out", key], check=True, capture_output=True)
    assert kind_of("opt/key", key.read_bytes(), closed=False) == f"a private key ({form})"


@pytest.mark.parametrize("seed", SEEDS)
def test_random_bytes(seed: int) -> None:
    """Random bytes are found, whatever their number; text of that length, numbers and compressed files are not."""
    numbers = random.Random(seed)
    size = numbers.choice([32, 64, 128, 512, 1024, 4096, numbers.randrange(32, 4097)])
    assert looks_random(numbers.randbytes(size))
    assert not looks_random(bytes(numbers.randrange(8) for _ in range(size)))
    assert not looks_random(gzip.compress(numbers.randbytes(size)))
    assert not looks_random("".join(numbers.choices("äöüabc \n", k=size)).encode())


@pytest.mark.parametrize("seed", SEEDS)
def test_tokens(seed: int) -> None:
    """A random token in a closed file is found, in hexadecimal digits and in base64; names and paths are not."""
    numbers = random.Random(seed)
    for token in (numbers.randbytes(20).hex(), base64.b64encode(numbers.randbytes(32)).decode()):
        assert kind_of("etc/tool.conf", f"key = {token}\n".encode(), closed=True)
        assert not kind_of("etc/tool.conf", f"key = {token}\n".encode(), closed=False)
    words = numbers.sample(NAMES, 5)
    assert not is_token("".join(words).encode() + b"2024")
    assert not is_token(b"0" * 40)
