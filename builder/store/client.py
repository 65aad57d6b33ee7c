"""The client of python-tuf, imported without the HTTP library that the client downloads with by default.

`builder.store.reader` gives the client a fetcher that reads from any kind of store.  The import of the default fetcher
imports urllib3, which takes a fifth of the time in which a verb of a store starts.  A store on a web server or in a
registry imports urllib3 all the same.
"""

from __future__ import annotations

import sys
from types import ModuleType

DEFAULT_FETCHER = "tuf.ngclient.urllib3_fetcher"


class Urllib3Fetcher:
    """Stands in for python-tuf's class while the client is imported: a client that is given a fetcher makes none."""


def _import_client() -> None:
    if DEFAULT_FETCHER in sys.modules:
        return
    stand_in = ModuleType(DEFAULT_FETCHER)
    vars(stand_in)[Urllib3Fetcher.__name__] = Urllib3Fetcher
    sys.modules[DEFAULT_FETCHER] = stand_in
    try:
        import tuf.ngclient  # noqa: F401
    finally:
        del sys.modules[DEFAULT_FETCHER]


_import_client()

from tuf.ngclient import FetcherInterface, Updater  # noqa: E402

__all__ = ["FetcherInterface", "Updater"]
