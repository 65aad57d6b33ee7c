"""SIGKILL inside a clone, and inside a fetch from a store: the next call completes, and leaves nothing of the first."""

from __future__ import annotations

import http.server
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from kill_moments import choose
from store_case import Case
from unpack_case import release, site, store

from builder.site import journal
from builder.site.places import Places
from builder.site.verification import find_records, verify
from builder.store import reader

KILLED = Path(__file__).with_name("killed_inside.py")
USUAL = 3
"""Moments at which each part is killed, unless NFSROOT_KILLS says otherwise."""

CHANCE = random.Random("inside")
TREE = [(f"usr/lib/{number}", 0o644, CHANCE.randbytes(20_000 + number), "p") for number in range(12)]
PIECES = [("usr/lib/large", 0o644, CHANCE.randbytes(8 << 20), "p"), *TREE]


def killed(what: str, moment: int, places: Places, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Call a verb that is killed inside a part of it, or not at all (0)."""
    argv = [sys.executable, KILLED, what, str(moment), "--root", places.root, *words]
    env = {**os.environ, "HOME": str(places.root / "root")}
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=env)


def assert_whole(places: Places, versions: set[str], moment: int) -> None:
    """These versions are here, as they were released, and nothing beside."""
    records = find_records(places, "kerrighed", None)
    assert {record.version for record in records} == versions, moment
    assert [verify(places, record).differences for record in records] == [()] * len(records), moment
    assert [str(path) for pattern in (".*unpacking*", ".*fetched*") for path in places.root.rglob(pattern)] == [], (
        moment
    )
    assert all(entry.ended is not None for entry in journal.read_entries(places)), moment


def test_killed_inside_a_clone(xfs: Places, tmp_path: Path) -> None:
    """Half a clone, a clone without its mode, or without its time: none of them is in the release that completes."""
    versions = {"1.0", "1.1"}
    for version in ("1.0", "1.1"):
        made = release(tmp_path, version, TREE)
        ended = killed("clone", 0, xfs, "unpack", made)
        assert ended.returncode == 0, ended.stderr
    calls = int(ended.stderr.split()[-1])
    assert calls >= 3 * len(TREE), "each file of the second release was cloned"
    for moment in choose("clone", calls, USUAL):
        version = f"2.{moment}"
        made = release(tmp_path, version, TREE)
        assert killed("clone", moment, xfs, "unpack", made).returncode == -signal.SIGKILL
        # The last of these calls write the exports, for which the release is in its place, and whole.
        here = find_records(xfs, "kerrighed", None)
        assert {record.version for record in here} in (versions, versions | {version})
        assert [verify(xfs, record).differences for record in here] == [()] * len(here)
        done = site(xfs, "unpack", made)
        assert done.returncode == 0, done.stderr
        versions.add(version)
        assert_whole(xfs, versions, moment)


@pytest.fixture
def published(tmp_path: Path) -> Case:
    """A store with version 1.0, whose root tarball is fetched in several pieces."""
    case = store(tmp_path)
    case.publish(release(case.releases, tree=PIECES))
    return case


@pytest.fixture(params=["directory", "http"])
def address(request: pytest.FixtureRequest, published: Case) -> Iterator[str]:
    """The address of the store: its directory, or that of a web server."""
    directory = published.storage.address
    if request.param == "directory":
        yield directory
        return
    handler = partial(_Quiet, directory=directory)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line for each request; a client that was killed is no error."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def copyfile(self, source: object, outputfile: object) -> None:
        """Send a file; whoever was killed does not read it to its end."""
        try:
            super().copyfile(source, outputfile)  # type: ignore[type-var]
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


def test_killed_inside_a_fetch(address: str, published: Case, tmp_path: Path) -> None:
    """Between two pieces of a part, in one of several transfers: the next call goes on with whole parts."""
    fingerprint = reader.open_trusted(published.storage).fingerprint

    def trusting(number: int) -> Places:
        places = Places(tmp_path / f"server-{number}")
        places.root.mkdir()
        assert site(places, "trust", address, fingerprint).returncode == 0
        return places

    ended = killed("fetch", 0, trusting(0), "unpack", "kerrighed@1.0")
    assert ended.returncode == 0, ended.stderr
    pieces = int(ended.stderr.split()[-1])
    assert pieces > 2 * USUAL
    for moment in choose(f"fetch {address.partition(':')[0]}", pieces, USUAL):
        places = trusting(moment)
        died = killed("fetch", moment, places, "unpack", "kerrighed@1.0")
        assert died.returncode == -signal.SIGKILL, died.stderr
        done = site(places, "unpack", "kerrighed@1.0")
        assert done.returncode == 0, done.stderr
        assert_whole(places, {"1.0"}, moment)
