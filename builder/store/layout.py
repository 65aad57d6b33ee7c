"""The paths of the objects in a store.

    blobs/sha256/HEX                          parts of the releases' files, each under its digest
    releases/NAME/VERSION/HEX.FILE            a file that describes a release: manifest.json, lab.json ...
    metadata/N.root.json                      the keys of the store, and which of them may sign what
    metadata/N.targets.json                   the releases, with the digests of the files that describe them
    metadata/N.snapshot.json                  the version of the targets
    metadata/timestamp.json                   the version of the snapshot: the only object that changes
    leases/KIND-ID, leases/KIND               publishers and pruners at work
    index.html, pages/NAME/VERSION.html       pages for web browsers, which nobody signs
    pages.json                                the state of its release that each page shows

The metadata and the names with digests are those of The Update Framework (TUF specification 1.0, section 6.2,
"consistent snapshots").
"""

from __future__ import annotations

import re

METADATA = "metadata/"
BLOBS = "blobs/sha256/"
RELEASES = "releases/"
LEASES = "leases/"
INDEX = "index.html"
WRITTEN_PAGES = "pages.json"
TIMESTAMP = f"{METADATA}timestamp.json"
FIRST_ROOT = f"{METADATA}1.root.json"

TOP = frozenset({"blobs", "releases", "metadata", "leases", "pages", "pages.json", "index.html", "probe"})
"""The first components of the paths of all objects."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}")
"""The names and versions of releases, the names of channels, and the names of files that describe a release."""


def blob(sha256: str) -> str:
    """The path of the blob with this SHA-256, in hexadecimal digits."""
    return f"{BLOBS}{sha256}"


def page(name: str, version: str) -> str:
    """The path of the page of a release."""
    return f"pages/{name}/{version}.html"


def metadata(role: str, version: int) -> str:
    """The path of a version of the metadata of a role other than the timestamp."""
    return f"{METADATA}{version}.{role}.json"


def target(name: str, version: str, file: str) -> str:
    """The TUF target path of a file that describes a release: relative to `releases/`, without the digest."""
    return f"{name}/{version}/{file}"


def described(target_path: str, sha256: str) -> str:
    """The path of the object that holds a target with this digest."""
    directory, _, file = target_path.rpartition("/")
    return f"{RELEASES}{directory}/{sha256}.{file}"
