"""Finds passwords and tokens for stores: in the files and variables that the configuration names, or in ~/.netrc."""

from __future__ import annotations

import netrc
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from builder.errors import InputError
from builder.store.settings import StoreSettings
from builder.store.storage.access import ANONYMOUS, BEARER, Access

Warn = Callable[[str], None]
"""A function that gets a sentence for the user."""


def access_of(settings: StoreSettings, warn: Warn, environment: Mapping[str, str] = os.environ) -> Access:
    """The credentials and addresses that the configuration gives a store.

    :raises InputError: a file cannot be read, a variable is not set, or the secret is empty or of several lines.
    """
    secret = _secret(settings, warn, environment)
    found = Access() if secret or not _is_http(settings.url) else access_from_netrc(settings.url, warn, environment)
    return Access(
        user=settings.user or found.user,
        secret=secret or found.secret,
        header=settings.token_header or BEARER,
        ca_file=settings.path(settings.ca_file) if settings.ca_file else None,
        endpoint=settings.endpoint,
        region=settings.region,
        plain_http=settings.plain_http,
    )


def access_from_netrc(url: str, warn: Warn, environment: Mapping[str, str] = os.environ) -> Access:
    """The user and password that $NETRC or ~/.netrc has for the host of a URL (netrc(5)); else ANONYMOUS.

    An entry `default` is not used: it would send a password to every host.
    """
    file = Path(environment.get("NETRC") or Path(environment.get("HOME") or "/", ".netrc"))
    try:
        hosts = netrc.netrc(file).hosts
    except (FileNotFoundError, NotADirectoryError):
        return ANONYMOUS
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except (netrc.NetrcParseError, UnicodeDecodeError) as error:
        line = f":{error.lineno}" if isinstance(error, netrc.NetrcParseError) and error.lineno else ""
        raise InputError(f"{file}{line} does not have the form of netrc(5)") from None  # the cause may quote a secret
    user, _, password = hosts.get(urlsplit(url).hostname or "", ("", "", ""))
    if not user or not password:
        return ANONYMOUS
    _warn_of_readers(file, warn)
    return Access(user=user, secret=password)


def _secret(settings: StoreSettings, warn: Warn, environment: Mapping[str, str]) -> str:
    """The password or token from the file or variable that the table names; empty when the table names none."""
    if name := settings.password_file or settings.token_file:
        file = settings.path(name)
        return _one_line(_first_line(file, warn), f"{file}, which {settings.file} names for the store {settings.name},")
    if variable := settings.password_env or settings.token_env:
        what = f"the variable {variable}, which {settings.file} names for the store {settings.name},"
        if variable not in environment:
            raise InputError(f"{what} is not set")
        return _one_line(environment[variable], what)
    return ""


def _first_line(file: Path, warn: Warn) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"the secret in {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise InputError(f"the secret in {file} is not UTF-8 text") from None
    _warn_of_readers(file, warn)
    return text.partition("\n")[0].rstrip("\r")


def _one_line(secret: str, what: str) -> str:
    """The secret, checked: it goes into a line of a request, so all its characters are printable.

    :raises InputError: the secret is empty or has another character.
    """
    if not secret or not secret.isprintable():
        raise InputError(f"{what} {'is empty' if not secret else 'holds a character that no secret has'}")
    return secret


def _warn_of_readers(file: Path, warn: Warn) -> None:
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        warn(f"{file} holds a secret, and others than its owner may read it: chmod 600 {file}")


def _is_http(url: str) -> bool:
    return url.lower().startswith(("http://", "https://"))
