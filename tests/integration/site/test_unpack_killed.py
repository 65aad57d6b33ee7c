"""SIGKILL at any write of `unpack`: the release is here whole or not at all, and the next call completes it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kill_moments import choose
from unpack_case import SITE, release

from builder.site import journal
from builder.site.places import Places
from builder.site.records import read_records
from builder.site.source import open_directory
from builder.site.tree import read_listing
from builder.site.unpacking import unpack
from builder.store.tree_check import compare_entries

MOMENTS = 25

PROGRAM = """
import fcntl, itertools, os, pathlib, signal, subprocess, sys, threading
from builder.cli.site import main

# The verb dies just before its write number sys.argv[1]; 0 counts the writes.
moment, events, lock = int(sys.argv[1]), itertools.count(1), threading.Lock()
counted = 0

def dying(do):
    def act(*arguments, **named):
        global counted
        with lock:
            counted = next(events)
            if counted == moment:
                os.kill(os.getpid(), signal.SIGKILL)
        return do(*arguments, **named)
    return act

for name in ("fsync", "mkdir", "chmod"):
    setattr(os, name, dying(getattr(os, name)))
for name in ("rename", "replace", "unlink", "write_bytes"):
    setattr(pathlib.Path, name, dying(getattr(pathlib.Path, name)))
subprocess.Popen.__init__ = dying(subprocess.Popen.__init__)
sys.argv = ["nfsroot-site", *sys.argv[2:]]
try:
    main()
finally:
    print("writes", counted, file=sys.stderr)
"""


def site_at(directory: Path) -> Places:
    """A new site, with the directories in which servers are."""
    root = directory / "server"
    root.mkdir(parents=True)
    return Places(root)


def run_killed(moment: int, places: Places, made: Path) -> subprocess.CompletedProcess[str]:
    """Unpack a release by a process that is killed before a write, or not at all (0)."""
    argv = [sys.executable, "-c", PROGRAM, str(moment), "--root", str(places.root), "unpack", str(made)]
    return subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", check=False)


def is_whole(places: Places) -> bool:
    """Whether version 1.0 is here; if it is, then all of it."""
    record = read_records(places).get("kerrighed", {}).get("1.0")
    if record is None:
        return False
    tree = places.on_server(record.settings.root.directory)
    assert list(compare_entries(tree, read_listing(record.directory / "tree.tsv.zst"))) == []
    assert (places.served / "kerrighed/1.0/vmlinuz-6.12.1-amd64").is_file()
    assert "ssi1" in record.menus
    return True


def complete(places: Places, made: Path, moment: object) -> None:
    """Call the verb once more: it completes, and leaves nothing of the killed one."""
    is_whole(places)
    unpack(places, open_directory(made), ("unpack",), lambda _event: None, lambda _state: None)
    assert is_whole(places), moment
    assert [str(path) for path in places.root.rglob(".*unpacking*")] == [], moment
    assert all(entry.ended is not None for entry in journal.read_entries(places)), moment


def test_killed_before_a_write(tmp_path: Path) -> None:
    """Wherever the verb dies, servers see no half of a release."""
    made = release(tmp_path)
    ended = run_killed(0, site_at(tmp_path / "0"), made)
    assert ended.returncode == 0, ended.stderr
    writes = int(ended.stderr.split()[-1])
    assert writes > MOMENTS
    for moment in choose("unpack", writes, MOMENTS):
        places = site_at(tmp_path / str(moment))
        assert run_killed(moment, places, made).returncode == -9
        complete(places, made, moment)


@pytest.mark.full
def test_killed_at_any_time(tmp_path: Path) -> None:
    """While tar writes, too: what it has written goes, and tar itself is ended."""
    chance = random.Random("time")
    tree = [(f"usr/share/{number}", 0o644, chance.randbytes(50_000), "p") for number in range(1000)]
    made = release(tmp_path, tree=tree)
    begun = time.monotonic()
    subprocess.run([SITE, "--root", site_at(tmp_path / "0").root, "unpack", made], check=True)
    took = time.monotonic() - begun
    for number in range(1, int(os.environ.get("NFSROOT_KILLS", MOMENTS)) + 1):
        places = site_at(tmp_path / str(number))
        verb = subprocess.Popen([SITE, "--root", places.root, "unpack", made], stderr=subprocess.DEVNULL)
        time.sleep(took * chance.random())
        verb.kill()
        verb.wait()
        complete(places, made, number)
