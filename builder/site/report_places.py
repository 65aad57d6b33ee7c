"""The directories of a server in which its nodes' reports arrive."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from builder.errors import NfsrootError
from builder.settings import reports
from builder.site.places import Places


def make_report_directories(places: Places, roles: Iterable[str]) -> None:
    """Make the directory of reports for each of the `roles` nfs and http; a directory that is there stays as it is.

    The directory belongs to the user that writes there for nodes: nobody over NFS, nginx's user over HTTP.

    :raises NfsrootError: a directory cannot be made.
    """
    wanted = {
        "nfs": (places.reports_over_nfs, reports.NFS_OWNER),
        "http": (places.reports_over_http, reports.HTTP_OWNER),
    }
    for role in wanted.keys() & set(roles):
        _make(*wanted[role])


def _make(directory: Path, owner: int) -> None:
    try:
        if directory.is_dir():
            return
        directory.mkdir(parents=True, mode=0o755)
        directory.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(directory, owner, owner, follow_symlinks=False)
    except OSError as error:
        raise NfsrootError(f"{directory} cannot be made for nodes' reports: {error.strerror}") from error
