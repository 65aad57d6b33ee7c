"""`nfsroot-site status --watch` on a terminal: a table that is drawn anew, until Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import signal
import sys
import termios
import time
from pathlib import Path

from made_sites import asked, serving, unpack

from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.site import journal
from builder.site.places import Places

PROJECT = Path(__file__).parents[3]
NFSROOT_SITE = str(Path(sys.executable).with_name("nfsroot-site"))
SECONDS = 60


def read_until(terminal: int, words: str) -> str:
    """What the program draws until it has drawn these words."""
    seen, deadline = "", time.monotonic() + SECONDS
    while words not in seen:
        assert time.monotonic() < deadline, seen
        seen += os.read(terminal, 65536).decode(errors="replace")
    return seen


def test_the_table_follows_the_nodes(places: Places) -> None:
    """A report that comes while somebody watches is seen; Ctrl-C ends the view, and the terminal is as before."""
    release = asked(load("debian-nfsroot", SearchPath.default(PROJECT)), "1.0")
    unpack(places, release)
    journal.change(places, ("switch",), serving(release), lambda _state: None)
    places.reports_over_nfs.mkdir(parents=True)
    process, terminal = pty.fork()
    if process == 0:
        # A shell starts what runs in the background with SIGINT ignored, and programs inherit that.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.environ |= {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
        os.execv(NFSROOT_SITE, [NFSROOT_SITE, "--root", str(places.root), "status", "--watch"])
    before = termios.tcgetattr(terminal)
    assert "ssi1" in read_until(terminal, "never seen")
    report = {
        "schema": 1,
        "node": "ssi1",
        "release": "debian-nfsroot",
        "version": "1.0",
        "boot_id": "0d5b6a52-9c68-4b9e-8a6c-6a1f9f1f5a01",
        "state": "running",
        "seconds": 9.4,
        "failed": [],
        "time": 1,
    }
    (places.reports_over_nfs / "ssi1").write_text(json.dumps(report))
    read_until(terminal, "reported")
    os.kill(process, signal.SIGINT)
    read_until(terminal, "\x1b[?1049l")  # back from the alternate screen (xterm's control sequences)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) in (130, -signal.SIGINT)
    assert termios.tcgetattr(terminal) == before
    os.close(terminal)
