"""Errors of apt that come from a mirror, in words that say what the user can do."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from builder.container.engine import AUTHENTICATION
from builder.errors import NfsrootError
from builder.process import CommandError
from builder.recipe.models import Debian

ANOTHER = "name another mirror under [debian] mirror or security_mirror"
AGAIN = f"Try again in some minutes: mirrors are updated file by file. If it stays so, {ANOTHER}."


class Cause(NamedTuple):
    """A cause of apt's failure: a pattern for the lines that apt then writes, a message, and how to fix it."""

    pattern: str
    brief: str
    resolution: str


CAUSES = (
    Cause(
        r"Temporary failure resolving|Could not resolve|Could not connect|Connection refused|unreachable"
        r"|[Cc]onnection timed out|Connection failed",
        "{mirror} cannot be reached",
        f"Check the network and the proxy settings, or {ANOTHER}.",
    ),
    Cause(
        r"407 +Proxy Authentication Required",
        "the proxy wants a user and a password (407)",
        "Write them into http_proxy and https_proxy: http://USER:PASSWORD@HOST:PORT.",
    ),
    Cause(
        r"401 +Unauthorized",
        "{mirror} wants a user and a password (401 Unauthorized)",
        "Write a line `machine URL login USER password PASSWORD` into a file (apt_auth.conf(5)), and name it:\n"
        f"  {AUTHENTICATION}=FILE nfsroot build ...",
    ),
    Cause(
        r"403 +Forbidden",
        "{mirror} refuses what was asked of it (403 Forbidden)",
        f"Ask who runs it whether this machine may use it, or {ANOTHER}.",
    ),
    Cause(
        r"[Cc]ertificate verif|No system certificates available|Could not load certificates",
        "{mirror} has no certificate that is trusted here",
        "Add the certificate of its authority to this machine's (update-ca-certificates(8)), or use http: packages are "
        "checked by their signatures.",
    ),
    Cause(
        r"is expired \(invalid since",
        "{mirror} is out of date: its Release file has expired",
        f"Look whether this machine's clock is right (date(1)); if it is, {ANOTHER} that is up to date.",
    ),
    Cause(
        r"is not valid yet",
        "{mirror} has a Release file from the future",
        "Set this machine's clock (date(1)).",
    ),
    Cause(
        r"NO_PUBKEY|Missing key [0-9A-F]{16}|public key is not available|no keyring is specified",
        "{mirror} is signed with a key that is not Debian's",
        f"Only Debian's own keys are trusted (debian-archive-keyring): {ANOTHER}, one of Debian's archive.",
    ),
    Cause(
        r"BADSIG|signatures were invalid|has been manipulated|OpenPGP signature verification failed",
        "{mirror} has a Release file that does not fit its signature: somebody or something altered it",
        AGAIN,
    ),
    Cause(
        r"Hash Sum mismatch|unexpected size|not the package that the archive's lists describe",
        "{mirror} gave a file that is not what its signed lists describe: it was altered, or is being updated",
        AGAIN,
    ),
    Cause(
        r"404 +Not Found|does not have a Release file|(?i:unable to find expected entry)",
        "{mirror} does not have what was asked of it for Debian {suite} (404 Not Found)",
        "Check [debian] suite, components, mirror and security_mirror; if packages have moved on, look again with "
        "--refresh.",
    ),
    Cause(
        r"is not signed",
        "{mirror} is not signed",
        f"Nothing says that these are Debian's packages: {ANOTHER}.",
    ),
)
"""The causes, the likelier first: apt may call an archive "not signed", whatever keeps it from the signature."""


def explain(error: CommandError, debian: Debian) -> NfsrootError:
    """The error for a user who asked for `debian`; `error` itself when its lines say nothing about a mirror."""
    for cause in CAUSES:
        lines = [line for line in error.last_lines if re.search(cause.pattern, line)]
        if lines:
            return NfsrootError(
                cause.brief.format(mirror=_mirror(lines, debian), suite=debian.suite),
                details="\n".join(f"  | {line}" for line in dict.fromkeys(lines)),
                resolution=cause.resolution,
            )
    return error


def _mirror(lines: list[str], debian: Debian) -> str:
    """The mirror that the lines name, or the default mirror in words."""
    text = "\n".join(lines)
    named = [url for url in (debian.mirror, debian.security_mirror) if url]
    places = {url: (rf"{re.escape(url.rstrip('/'))}(?![\w-])", rf"\b{urlsplit(url).hostname}\b") for url in named}
    for place in (0, 1):
        found = [url for url in named if re.search(places[url][place], text)]
        if found:
            return found[0]
    if not debian.security_mirror and re.search(r"-security\b", text):
        return "the default mirror of security fixes"
    return debian.mirror or "the default mirror"
