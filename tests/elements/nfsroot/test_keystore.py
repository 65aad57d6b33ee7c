"""Java's keystore gets one date, and a digest that Java takes."""

from __future__ import annotations

import hashlib
import random
import struct
from pathlib import Path

import pytest
from keystore import SALT, STORE, set_dates


def text(word: str) -> bytes:
    """A word as Java writes it."""
    return struct.pack(">H", len(word)) + word.encode()


def store(numbers: random.Random, dates: random.Random, tag: int = 2) -> bytes:
    """A keystore of some certificates; what is random in it and their dates are drawn apart."""
    count = numbers.randrange(1, 9)
    content = struct.pack(">III", 0xFEEDFEED, 2, count)
    for entry in range(count):
        certificate = numbers.randbytes(numbers.randrange(400, 2000))
        content += struct.pack(">I", tag) + text(f"debian:ca-{entry}.pem") + dates.randbytes(8)
        content += text("X.509") + struct.pack(">I", len(certificate)) + certificate
    return content + hashlib.sha1(SALT + content).digest()


def written(tree: Path, content: bytes) -> bytes:
    """A tree's keystore, when its dates are set."""
    file = tree / STORE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    set_dates(tree, 1763200000)
    return file.read_bytes()


@pytest.mark.parametrize("seed", range(10))
def test_dates(tmp_path: Path, seed: int) -> None:
    """Two keystores that differ in their dates alone become one, with a digest that is right."""
    one, other = (store(random.Random(seed), random.Random(dates)) for dates in (1, 2))
    assert one != other
    made = written(tmp_path, one)
    assert made == written(tmp_path, other)
    assert made[-20:] == hashlib.sha1(SALT + made[:-20]).digest()
    assert len(made) == len(one)


@pytest.mark.parametrize("content", [b"\xfe\xed\xfe\xed" + bytes(40), b"0\x82" + bytes(40), bytes(32)])
def test_other_formats(tmp_path: Path, content: bytes) -> None:
    """A keystore of another version or format, such as PKCS #12, is left as it is."""
    assert written(tmp_path, content) == content


def test_keys_are_left_alone(tmp_path: Path) -> None:
    """A keystore that holds a key is nobody's to write."""
    content = store(random.Random(1), random.Random(1), tag=1)
    assert written(tmp_path, content) == content


def test_no_keystore(tmp_path: Path) -> None:
    """A tree without Java has none."""
    set_dates(tmp_path, 1763200000)
    assert list(tmp_path.iterdir()) == []
