"""The recognition of secrets by their content: private keys, password hashes, random bytes, tokens in closed files."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise

GREATEST = 64 << 10
"""The size, in bytes, above which files are not read, since keys and seeds are small."""

MARKS = (
    (
        b"PRIVATE KEY",
        rb"(?m)^[\"' \t]*-----BEGIN OPENSSH PRIVATE KEY-----|SSH PRIVATE KEY FILE FORMAT",
        "a private key of OpenSSH",
    ),
    (b"PRIVATE KEY", rb"(?m)^[\"' \t]*-----BEGIN PGP PRIVATE KEY BLOCK-----", "a private key of GnuPG"),
    (b"private-key", rb"\A(?:[\w-]+:.*\n)*(?:Key: )?\((?:\d+:)?(?:\w+-)?private-key", "a private key of GnuPG"),
    (b"PRIVATE KEY", rb"(?m)^[\"' \t]*-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----", "a private key (PEM)"),
    (b"PuTTY", rb"\APuTTY-User-Key-File-\d", "a private key of PuTTY"),
    (b"AGE-SECRET", rb"AGE-SECRET-KEY-1[0-9A-Z]{20,}", "a private key of age"),
    (b"PrivateKey", rb"(?m)^\s*PrivateKey\s*=\s*[A-Za-z0-9+/]{43}=", "a private key of WireGuard"),
    (b'"kty"', rb'"d"\s*:\s*"[A-Za-z0-9_-]{16,}"', "a private key (JWK)"),
    (b"\x30", rb"(?s)\A\x30(?:[\x02-\x7f]|\x81.|\x82..)\x02\x01[\x00\x01][\x02\x04\x30]", "a private key (DER)"),
    (b"\x05\x02", rb"\A\x05\x02\x00\x00\x00", "a keytab of Kerberos"),
    (b"secret", rb"(?m)^\s*secret\s+\"[A-Za-z0-9+/]{16,}={0,2}\"", "a TSIG key"),
    (b"$", rb"(?<![./$\w])\$(?:apr1|1|2[abxy]|5|6|7|y|gy)\$[./$\w=]{20,}", "a password's hash"),
    (b"Template:", rb"(?m)^Template: .*\nValue: \S", "a password that debconf keeps"),
)
"""The marks of secrets: bytes that a search finds quickly, a regular expression, and the name of the kind of secret."""

DEBCONF_OPEN = "var/cache/debconf/config.dat"
"""The file with debconf's answers that are no secrets; passwords.dat has the others (debconf-devel(7))."""

SECRET_KEY_PACKETS = {0x94, 0x95, 0x96, 0xC5}
"""The first byte of a GnuPG keyring with secret keys (RFC 4880 section 4.2, tag 5)."""

FORMATS = (b"\x1f\x8b", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"BZh", b"PK", b"\x89PNG", b"\xff\xd8\xff", b"wOF", b"GIF8")
"""The first bytes of compressed files, which look random: gzip, xz, zstd, bzip2, zip, pictures, fonts."""

SEED = range(32, 4097)
"""The sizes, in bytes, of seeds and binary keys."""

GREATEST_CHI_SQUARE = 350.0
"""The chi-square statistic up to which bytes count as random.

Random bytes have 255 on average, and more than this limit one time in 20,000; text and programs have far more.
"""

WORD = re.compile(rb"[A-Za-z0-9+/_-]{24,}")
COMMENT = re.compile(rb"(?m)^[ \t]*[#;].*$")
CLASSES = (b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"0123456789")
CLASS_OF = {letter: number for number, letters in enumerate(CLASSES) for letter in letters}
HEXADECIMAL = re.compile(rb"[0-9a-fA-F]{32,}")
LEAST_BITS = 3.2
"""The least entropy, in bits per digit, of a hexadecimal token; 32 random digits have about 3.6."""
LEAST_CHANGES = 0.4
"""The least share of places in a base64 token at which small letters, capitals and digits take turns.

Random tokens have 0.6, names of several words 0.3.
"""


def kind_of(path: str, content: bytes, *, closed: bool) -> str:
    """The kind of secret in a file, in words; "" if the file has none.  `closed`: not everybody may read the file."""
    if path == DEBCONF_OPEN:
        return ""
    for mark, expression, name in MARKS:
        if mark in content and re.search(expression, content):
            return name
    if path.endswith((".gpg", ".pgp", ".key")) and content[:1] and content[0] in SECRET_KEY_PACKETS:
        return "a secret keyring of GnuPG"
    if looks_random(content):
        return "random bytes: a key or a seed"
    if closed and any(is_token(found) for found in WORD.findall(COMMENT.sub(b"", content))):
        return "a random token in a file that is not for everybody to read"
    return ""


def looks_random(content: bytes) -> bool:
    """Whether `content` is no text and its bytes are spread as random ones (chi-square over the 256 values)."""
    if len(content) not in SEED or content.isascii() or content.startswith(FORMATS):
        return False
    expected = len(content) / 256
    counts = Counter(content)
    squares = sum((count - expected) ** 2 for count in counts.values()) + (256 - len(counts)) * expected**2
    return squares / expected < GREATEST_CHI_SQUARE


def is_token(word: bytes) -> bool:
    """Whether a word is as random as a key in hexadecimal digits or in base64."""
    if HEXADECIMAL.fullmatch(word):
        shares = [count / len(word) for count in Counter(word).values()]
        return -sum(share * math.log2(share) for share in shares) >= LEAST_BITS
    classes = [CLASS_OF.get(letter) for letter in word]
    changes = sum(one != other for one, other in pairwise(classes))
    return set(classes) >= {0, 1, 2} and changes / len(word) >= LEAST_CHANGES
