"""Opens the store at an address, which says by its scheme of which kind the store is."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from builder.errors import InputError
from builder.store.storage.interface import Storage


def open_storage(address: str) -> Storage:
    """The store at `address`: a directory's path, or a URL with one of the schemes file, http, https, s3 and oci.

    :raises InputError: the address names no kind of store that nfsroot knows.
    """
    from builder.store.storage.directory import DirectoryStorage

    scheme = urlsplit(address).scheme if "://" in address else ""
    if scheme == "":
        return DirectoryStorage(Path(address).expanduser().absolute())
    if scheme == "file":
        return DirectoryStorage(Path(unquote(urlsplit(address).path)))
    raise InputError(
        f"{scheme}:// is no kind of store that nfsroot knows",
        resolution="Name a directory, or a URL that begins with file://, http://, https://, s3:// or oci://.",
    )
