"""Opens the store at an address, which says by its scheme of which kind the store is."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from builder.errors import InputError
from builder.store.storage.access import ANONYMOUS, Access
from builder.store.storage.interface import Storage
from builder.urls import without_users


def open_storage(address: str, access: Access = ANONYMOUS) -> Storage:
    """The store at `address`: a directory's path, or a URL with one of the schemes file, http, https, s3 and oci.

    The libraries of a kind are imported when a store of that kind is opened.

    :raises InputError: the address names no kind of store that nfsroot knows, or it holds a user or a password.
    """
    from builder.store.storage.directory import DirectoryStorage

    scheme = address.partition("://")[0].lower() if "://" in address else ""
    if scheme == "":
        return DirectoryStorage(Path(address).expanduser().absolute())
    if scheme == "file":
        return DirectoryStorage(Path(unquote(urlsplit(address).path)))
    _check(address)
    if scheme in ("http", "https"):
        from builder.store.storage.http import HttpStorage

        return HttpStorage(address, access)
    if scheme == "s3":
        from builder.store.storage.s3 import S3Storage

        return S3Storage(address, access)
    if scheme == "oci":
        from builder.store.storage.oci import open_repository

        return open_repository(address, access)
    raise InputError(
        f"{scheme}:// is no kind of store that nfsroot knows",
        resolution="Name a directory, or a URL that begins with file://, http://, https://, s3:// or oci://.",
    )


def _check(address: str) -> None:
    """An address is shown in messages, in the list of processes and in the history of the shell: it holds no user."""
    shown = without_users(address)
    if shown != address:
        raise InputError(
            f"the address {shown} was given with a user or a password in it",
            resolution="Write user and password into the configuration of nfsroot, or into ~/.netrc.",
        )
    try:
        split = urlsplit(address)
        whole = bool(split.hostname) and split.port != 0 and not split.query and not split.fragment
    except ValueError:  # a port that is no number, a bracket that is left open
        whole = False
    if not whole:
        raise InputError(
            f"{shown} is no address of a store",
            resolution="Write a scheme, a host, a port if need be, and a path: https://store.example:8443/nfsroot",
        )
