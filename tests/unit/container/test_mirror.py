"""Failures of apt in the user's terms."""

from __future__ import annotations

import pytest

from builder.container.mirror import explain
from builder.process import CommandError
from builder.recipe.models import Debian


def failed(line: str) -> CommandError:
    """The failure of mmdebstrap after it wrote a line."""
    return CommandError("mmdebstrap", ["mmdebstrap"], 25, [line])


@pytest.mark.parametrize(
    "line",
    [
        "E: Failed to fetch http://mirror.example/x  Temporary failure resolving 'mirror.example'",
        "  Could not connect to mirror.example:80 (192.0.2.1), connection timed out",
        "  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)",
        "  Cannot initiate the connection (101: Network is unreachable)",
    ],
)
def test_no_network(line: str) -> None:
    """A mirror that cannot be reached is said to be that, with apt's own words and what to check."""
    explained = explain(failed(line), Debian(mirror="http://mirror.example/debian"))
    assert explained.brief == "http://mirror.example/debian cannot be reached"
    assert line.strip() in explained.details
    assert "proxy" in explained.resolution


@pytest.mark.parametrize(
    "line",
    [
        "E: Failed to fetch http://mirror.example/x.deb  404  Not Found [IP: 192.0.2.1 80]",
        "E: The repository 'http://mirror.example/debian trixie Release' does not have a Release file.",
    ],
)
def test_mirror_without_the_suite(line: str) -> None:
    """A 404 names the suite, and the default mirror when the recipe names none."""
    explained = explain(failed(line), Debian())
    assert explained.brief.startswith("the default mirror does not have what was asked of it for Debian trixie")
    assert "--refresh" in explained.resolution


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("  401  Unauthorized [IP: 192.0.2.1 80]", "wants a user and a password"),
        ("E: Failed to fetch http://mirror.example/debian/x.deb  403  Forbidden", "refuses what was asked of it"),
        ("  Invalid response from proxy: HTTP/1.1 407 Proxy Authentication Required", "the proxy wants a user"),
        ("  Certificate verification failed: The certificate is NOT trusted.", "no certificate that is trusted"),
        ("  No system certificates available. Try installing ca-certificates.", "no certificate that is trusted"),
        (
            "E: Release file for http://mirror.example/debian/dists/trixie/InRelease is expired (invalid since 3d 0h).",
            "http://mirror.example/debian is out of date",
        ),
        ("E: Release file for http://mirror.example/x is not valid yet (invalid for another 2h).", "from the future"),
        ("  Sub-process /usr/bin/sqv returned an error code (1): Missing key 0C34C361035F433C7F1C, ", "not Debian's"),
        ("  The following signatures couldn't be verified: NO_PUBKEY 6ED0E7B82643E131", "not Debian's"),
        ("  Verifying signature: Message has been manipulated", "does not fit its signature"),
        ("  The following signatures were invalid: BADSIG 6ED0E7B82643E131 Debian", "does not fit its signature"),
        ("E: Failed to fetch http://mirror.example/debian/x_1_all.deb  Hash Sum mismatch", "signed lists describe"),
        ("  File has unexpected size (210 != 209). Mirror sync in progress?", "signed lists describe"),
        ("x_1_all.deb: not the package that the archive's lists describe (SHA-256 00)", "signed lists describe"),
        ("E: The repository 'http://mirror.example/debian trixie Release' is not signed.", "is not signed"),
    ],
)
def test_causes(line: str, words: str) -> None:
    """Each reason for which apt refuses an archive is the headline, with its line of apt's and a way out."""
    unsigned = "E: The repository 'http://mirror.example/debian trixie InRelease' is not signed."
    error = CommandError("mmdebstrap", ["mmdebstrap"], 25, ["I: running apt-get update...", line, unsigned])
    explained = explain(error, Debian(mirror="http://mirror.example/debian"))
    assert words in explained.brief
    assert explained.details.splitlines()[0] == f"  | {line}"
    assert "running" not in explained.details
    assert explained.resolution


@pytest.mark.parametrize(
    ("place", "mirror"),
    [
        ("http://mirror.example/debian/dists/x", "http://mirror.example/debian"),
        ("http://mirror.example/debian-security/dists/x", "http://mirror.example/debian-security"),
        ("mirror.example:80 (192.0.2.1)", "http://mirror.example/debian"),
    ],
)
def test_which_mirror(place: str, mirror: str) -> None:
    """Of two mirrors the one is blamed of which apt speaks."""
    debian = Debian(mirror="http://mirror.example/debian", security_mirror="http://mirror.example/debian-security")
    assert explain(failed(f"  Could not connect to {place}"), debian).brief == f"{mirror} cannot be reached"


def test_security_archive_that_nobody_named() -> None:
    """Where a named mirror is sound, and the default one of security fixes is not, that is said."""
    line = "E: Failed to fetch http://default.example/debian-security/dists/x  Could not connect"
    explained = explain(failed(line), Debian(mirror="http://mirror.example/debian"))
    assert explained.brief == "the default mirror of security fixes cannot be reached"
    assert "security_mirror" in explained.resolution


def test_other_failures_stay_what_they_are() -> None:
    """A failure that has nothing to do with the mirror is not explained away."""
    error = failed("dpkg: error processing package x")
    assert explain(error, Debian()) is error
