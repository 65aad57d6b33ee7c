"""Checks that a text is the address of a server, before a library interprets the text in its own way."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from builder.errors import InputError
from builder.urls import without_users

HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
"""A name, an IPv4 or an IPv6 address."""
PATH = re.compile(r"[!-~]*")
"""Visible characters of ASCII."""


def check_address(address: str) -> None:
    """Refuse an address that is no URL of a scheme, a host, a port and a path, or that has a user in it.

    Users and passwords do not belong into addresses, because messages, the list of processes and the history of the
    shell show addresses.

    :raises InputError: the address has a user, a query or a fragment, no host, a wrong port, or a wrong path.
    """
    shown = without_users(address)
    if shown != address:
        raise InputError(
            f"the address {shown} was given with a user or a password in it",
            resolution="Write user and password into the configuration of nfsroot, or into ~/.netrc.",
        )
    if not _is_whole(address):
        raise InputError(
            f"{shown} is no address of a server",
            resolution="Write a scheme, a host, a port if need be, and a path: https://store.example:8443/nfsroot",
        )


def _is_whole(address: str) -> bool:
    try:
        split = urlsplit(address)
        host, port = split.hostname or "", split.port
    except ValueError:  # a port that is no number, a bracket that is left open
        return False
    segments = unquote(split.path).strip("/").split("/")
    return bool(
        HOST.fullmatch(host)
        and port != 0
        and not (split.query or split.fragment)
        and PATH.fullmatch(split.path)
        and (segments == [""] or not {"", ".", ".."}.intersection(segments))
    )
