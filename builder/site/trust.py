"""The stores that a site trusts: each is pinned by its fingerprint once, and remembered by its address."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

from builder.errors import InputError, NfsrootError
from builder.site import state as states
from builder.site.places import Places
from builder.store import reader
from builder.store.reader import TrustedStore
from builder.store.storage.open import open_store

Warn = Callable[[str], None]
"""A function that shows a sentence to the user."""


def trust(places: Places, store: str, fingerprint: str, warn: Warn) -> TrustedStore:
    """Trust a store by its fingerprint, or by a file with its first root, and verify it.

    :raises UntrustedError: the store has another fingerprint, or does not verify.
    """
    storage = open_store(store, warn, machine=places.configuration)
    trusted = reader.open_trusted(storage, fingerprint)
    addresses = dict.fromkeys((*trusted_stores(places), storage.address))
    states.replace_file(places.stores, {"stores": list(addresses)})
    return trusted


def open_trusted(places: Places, store: str, warn: Warn, max_age: timedelta | None = None) -> TrustedStore:
    """Verify a store that is trusted here; errors as builder.store.reader.open_trusted."""
    storage = open_store(store, warn, machine=places.configuration)
    return reader.open_trusted(storage, None, max_age, advice=f"nfsroot-site trust {store}")


def default_store(places: Places) -> str:
    """The address of the only store that this site trusts.

    :raises InputError: the site trusts no store, or several.
    """
    addresses = trusted_stores(places)
    if not addresses:
        raise InputError(
            "this site trusts no store yet",
            resolution="nfsroot-site trust STORE SHA256:FINGERPRINT; `nfsroot publish` told the publisher both.",
        )
    if len(addresses) > 1:
        raise InputError(
            f"this site trusts {len(addresses)} stores: {', '.join(addresses)}", resolution="Name one: --from STORE"
        )
    return addresses[0]


def trusted_stores(places: Places) -> list[str]:
    """The addresses of all stores that this site trusts, in the order in which it began to trust them."""
    try:
        return [str(address) for address in json.loads(places.stores.read_bytes())["stores"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise NfsrootError(
            f"{places.stores} cannot be read: {error!r}", resolution="Remove it, and trust the stores once more."
        ) from error
