"""The keys of a store: the first publish makes them, and they stay with the publisher.

Below `~/.config/nfsroot/keys/` each store has a directory that is named after the fingerprint of its first root:

    root.key      signs roots; needed again only to rotate keys, so it is best kept elsewhere
    online.key    signs each change
    1.root.json   the first root, whose SHA-256 is the fingerprint that readers pin
    store         the store's address
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner

from builder.disk import sync
from builder.errors import InputError, NfsrootError
from builder.store import metadata, places

ROOT = "root.key"
ONLINE = "online.key"
FIRST_ROOT = "1.root.json"
ADDRESS = "store"


def fingerprint(first_root: bytes) -> str:
    """The fingerprint of a store: SHA-256 of its first root, as `sha256sum metadata/1.root.json` gives it."""
    return f"SHA256:{hashlib.sha256(first_root).hexdigest()}"


@dataclass(frozen=True)
class Keys:
    """The keys of one store, in `directory`."""

    directory: Path

    @property
    def first_root(self) -> bytes:
        """The bytes of the store's first root."""
        return _bytes(self.directory / FIRST_ROOT)

    @property
    def address(self) -> str:
        """The address of the store when the keys were made."""
        return _bytes(self.directory / ADDRESS).decode().strip()

    def online(self) -> CryptoSigner:
        """The signer with the online key, which signs each change.

        :raises NfsrootError: the key is not there or cannot be read.
        """
        return read_key(self.directory / ONLINE)

    def root(self) -> CryptoSigner:
        """The signer with the root key, which signs roots.

        :raises NfsrootError: the key is not there or cannot be read.
        """
        return read_key(self.directory / ROOT)

    def replace(self, name: str, signer: CryptoSigner) -> None:
        """Put another key into the file `name`, so that the file holds the old key or the new one at every moment."""
        unfinished = self.directory / f".{name}.unfinished"
        unfinished.unlink(missing_ok=True)
        _write_secret(unfinished, signer.private_bytes)
        unfinished.rename(self.directory / name)
        sync(self.directory)


def make_keys(address: str) -> Keys:
    """Make the two keys and the first root of a new store at `address`; the directory appears whole or not at all."""
    root_key, online_key = generate_key(), generate_key()
    root = metadata.make_root(root_key.public_key, [online_key.public_key], 1)
    root.sign(root_key)
    text = metadata.text_of(root)
    directory = _directory_of(text)
    unfinished = directory.with_name(f".{directory.name}.unfinished")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        _write_secret(unfinished / ROOT, root_key.private_bytes)
        _write_secret(unfinished / ONLINE, online_key.private_bytes)
        _write_secret(unfinished / FIRST_ROOT, text)
        _write_secret(unfinished / ADDRESS, f"{address}\n".encode())
        sync(unfinished)
        unfinished.rename(directory)
        sync(directory.parent)
    except OSError as error:
        raise NfsrootError(
            f"the keys of {address} cannot be written into {directory.parent}: {error.strerror}",
            resolution="Make the directory writable and give it room; nothing was published.",
        ) from error
    return Keys(directory)


def find_keys(first_root: bytes) -> Keys | None:
    """The keys of the store with this first root; None when they are not here."""
    directory = _directory_of(first_root)
    return Keys(directory) if (directory / FIRST_ROOT).is_file() and Keys(directory).first_root == first_root else None


def _directory_of(first_root: bytes) -> Path:
    """The directory for the keys of the store with this first root."""
    return places.keys_directory() / fingerprint(first_root).removeprefix("SHA256:")[:16]


def keys_made_for(address: str) -> list[Keys]:
    """The keys that were made for a store at `address`, the newest last, also by a publish that ended early."""
    found = [Keys(file.parent) for file in places.keys_directory().glob(f"[!.]*/{ADDRESS}")]
    return sorted(
        (keys for keys in found if keys.address == address),
        key=lambda keys: (keys.directory / FIRST_ROOT).stat().st_mtime,
    )


def read_key(file: Path) -> CryptoSigner:
    """The signer with the private Ed25519 key in a PEM file (PKCS #8, RFC 5958).

    :raises NfsrootError: the file is not there, others may read it, or it holds no such key.
    """
    text = _bytes(file)
    if file.stat().st_mode & 0o077:
        raise InputError(f"{file} can be read by others", resolution=f"chmod 600 {file}")
    try:
        key = load_pem_private_key(text, None)
    except (ValueError, TypeError) as error:
        raise InputError(f"{file} holds no private key in PEM form without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{file} holds a key of another kind than Ed25519")
    return CryptoSigner(key)


def generate_key() -> CryptoSigner:
    """A new private Ed25519 key (RFC 8032)."""
    return CryptoSigner.generate_ed25519()


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise NfsrootError(
            f"there is no {file}",
            resolution="Copy it back from where you keep it, or name another one with --key.",
        ) from None
    except OSError as error:
        raise NfsrootError(f"{file} cannot be read: {error.strerror}") from error


def _write_secret(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
