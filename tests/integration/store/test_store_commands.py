"""The verbs of stores, as commands, on kinds of store; each finds its store by a short name."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from small_release import make_release
from store_case import files_in
from store_servers import Kind

NFSROOT = Path(sys.executable).with_name("nfsroot")


class Person:
    """A user with a home directory, in whose configuration the store has the name `site`."""

    def __init__(self, home: Path, kind: Kind) -> None:
        self.home = home
        config = home / ".config" / "nfsroot"
        config.mkdir(parents=True)
        keys = {"url": kind.address, "user": kind.access.user, "endpoint": kind.access.endpoint}
        keys |= {"password_env": "SITE_PASSWORD"} if kind.access.user else {}
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in keys.items() if value]
        (config / "config.toml").write_text("[stores.site]\n" + "".join(lines))
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "SITE_PASSWORD": kind.access.secret,
            "no_proxy": "127.0.0.1",
        }

    def run(self, *arguments: str, status: int = 0) -> str:
        """What `nfsroot ARGUMENTS` prints, which ends with `status`."""
        done = subprocess.run(
            [NFSROOT, *arguments], cwd=self.home, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        if secret := self.environment["SITE_PASSWORD"]:
            assert secret not in done.stdout + done.stderr
        return done.stdout + done.stderr


def _names(directory: Path) -> set[str]:
    """The names of all files below a directory."""
    return {path.name for path in directory.rglob("*")}


@pytest.fixture
def person(kind: Kind, tmp_path: Path) -> Callable[[str], Person]:
    """Makes users of one store of each kind."""
    return lambda name: Person(tmp_path / name, kind)


def _fetched(directory: Path) -> dict[str, bytes]:
    """The files of a release that was fetched, but those that a made-up release lacks and that publishing adds."""
    added = ("SHA256SUMS", "sbom.cdx.json", "sbom.spdx.json")
    files = files_in(directory)
    return {file: content for file, content in files.items() if file not in added}


def test_publish_and_fetch(person: Callable[[str], Person], kind: Kind, tmp_path: Path) -> None:
    """What one user publishes another one fetches byte for byte, by version and by channel; then the other verbs."""
    ann, bob = person("ann"), person("bob")
    first, second = (make_release(tmp_path / "output", version=version) for version in ("1.0", "2.0"))
    said = ann.run("publish", str(first), "--to", "site", "--channel", "test")
    fingerprint = re.search(r"SHA256:[\w+/=]+", said)
    assert fingerprint, said
    ann.run("publish", str(second), "--to", "site")
    ann.run("publish", str(second), "--to", "site")  # there is nothing to do
    ann.run("promote", "small", "2.0", "--to", "site", "--channel", "stable")

    bob.run("fetch", "small@stable", str(tmp_path / "fetched"), "--from", "site", "--trust", fingerprint[0])
    assert _fetched(tmp_path / "fetched") == files_in(second)
    bob.run("fetch", "small@test", str(tmp_path / "older"), "--from", "site")
    assert _fetched(tmp_path / "older") == files_in(first)
    listed = bob.run("list", "site", "--json")
    assert all(version in listed for version in ("1.0", "2.0", "stable", "test"))
    bob.run("verify", "site")

    ann.run("yank", "small", "1.0", "--from", "site", "--reason", "it does not boot")
    assert "it does not boot" in bob.run("fetch", "small@1.0", str(tmp_path / "no"), "--from", "site", status=3)
    bob.run("export", "small@2.0", "--from", "site", "--to", str(tmp_path / "medium"))
    assert "verified with --partial" in bob.run("verify", str(tmp_path / "medium"), status=1)
    assert "signatures and all blobs verified" in bob.run("verify", str(tmp_path / "medium"), "--partial")
    bob.run("fetch", "small", str(tmp_path / "carried"), "--from", str(tmp_path / "medium"))
    assert files_in(tmp_path / "carried") == files_in(tmp_path / "fetched")
    bob.run("mirror", "site", str(tmp_path / "mirror"))
    assert "signatures and all blobs verified" in bob.run("verify", str(tmp_path / "mirror"))
    assert _names(tmp_path / "medium/blobs") < _names(tmp_path / "mirror/blobs")
    ann.run("store", "refresh", "site")
    assert ann.run("store", "prune", "site", "--dry-run").startswith("0 objects")
    assert fingerprint[0] in ann.run("store", "keys", "show", "site")
    checked = ann.run("store", "check", "site")
    assert ("not safe" in checked) != kind.swaps_safely
