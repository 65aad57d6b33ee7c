"""Opens the store at an address, whose scheme names the kind of store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from builder.errors import InputError
from builder.recipe.messages import suggest
from builder.store.storage.access import ANONYMOUS, Access
from builder.store.storage.addresses import check_address
from builder.store.storage.interface import Storage
from builder.urls import without_users

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def open_storage(address: str, access: Access = ANONYMOUS) -> Storage:
    """The store at `address`: a directory's path, or a URL with one of the schemes file, http, https, s3 and oci.

    The libraries of a kind are imported when a store of that kind is opened.

    :raises InputError: the address names no kind of store that nfsroot knows, or is no URL, or holds a user.
    """
    from builder.store.storage.directory import DirectoryStorage

    scheme = address.partition("://")[0].lower() if "://" in address else ""
    if scheme == "":
        return DirectoryStorage(Path(address).expanduser().absolute())
    if scheme == "file":
        return DirectoryStorage(Path(unquote(urlsplit(address).path)))
    check_address(address)
    if scheme in ("http", "https"):
        from builder.store.storage.http import HttpStorage

        return HttpStorage(address, access)
    if scheme == "s3":
        return _open_bucket(address, access)
    if scheme == "oci":
        from builder.store.storage.oci import open_repository

        return open_repository(address, access)
    raise InputError(
        f"{scheme}:// is no kind of store that nfsroot knows",
        resolution="Name a directory, or a URL that begins with file://, http://, https://, s3:// or oci://.",
    )


def _open_bucket(address: str, access: Access) -> Storage:
    try:
        from builder.store.storage.s3 import S3Storage
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "obstore":
            raise
        raise InputError(
            f"{without_users(address)} cannot be opened: buckets need the Python package obstore, which is not here",
            resolution="Name the https:// address at which the bucket can be read, or copy the store to a directory, "
            "a web server or a registry with `nfsroot mirror`, and name that.",
        ) from error
    return S3Storage(address, access)


def open_store(
    store: str,
    warn: Callable[[str], None],
    environment: Mapping[str, str] = os.environ,
    recipes: Callable[[], Iterable[Path]] = tuple,
    machine: Path | None = None,
) -> Storage:
    """The store that a user names: by its address, or by its short name in the configuration or in a recipe.

    A word without a slash is a short name.  An address that the configuration has as the `url` of a store is opened
    as that store.  `warn` takes sentences about secrets that others may read; `recipes` gives the files of recipes.
    `machine` is a file with stores for all users; a store of the same name in the user's own configuration replaces
    the one in `machine`.

    :raises InputError: the configuration has mistakes, no store has the name, the address is not valid, or a secret is
        missing.
    """
    from builder.store.secrets import access_from_netrc, access_of
    from builder.store.settings import find_in_recipes, read_settings, settings_file

    file = settings_file(environment)
    stores = {**(read_settings(machine, alone=False) if machine else {}), **read_settings(file)}
    settings = stores.get(store)
    if settings is None:
        shared = find_in_recipes(store, recipes()) if is_short_name(store) else None
        if shared is None and is_short_name(store):
            raise _unknown_name(store, stores, machine or file)
        address = shared.url if shared else store
        same = (own for own in stores.values() if own.url.rstrip("/") == address.rstrip("/"))
        settings = next(same, shared)
    address = settings.url if settings else store
    scheme = address.partition("://")[0].lower()
    if settings:
        access = access_of(settings, warn, environment)
    else:
        access = access_from_netrc(store, warn, environment) if scheme in ("http", "https") else ANONYMOUS
    if access.secret and scheme == "http" and urlsplit(address).hostname not in LOOPBACK:
        warn(f"{without_users(address)} gets a password or a token over a connection that is not encrypted")
    return open_storage(address, access)


def is_short_name(store: str) -> bool:
    """Whether the word is a short name for a store in the configuration, and not an address."""
    return "/" not in store and store not in ("", ".", "..", "~")


def _unknown_name(store: str, stores: Iterable[str], file: Path) -> InputError:
    return InputError(
        f"{file} has no store '{store}', and neither has a recipe here",
        details=suggest(store, stores, "stores"),
        resolution=f"Add the table [stores.{store}] with its url, or write ./{store} for a directory.",
    )
