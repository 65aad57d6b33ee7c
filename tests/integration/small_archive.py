"""A Debian archive of few packages, signed with a key of its own and served on the loopback interface."""

from __future__ import annotations

import base64
import hashlib
import http.server
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from builder.container.engine import Image, Job
from builder.container.sandbox import Sandbox
from builder.process import OnLine

SUITES = {"debian": ("trixie", "trixie-updates"), "security": ("trixie-security",)}
"""What each of the two mirrors has."""
CONTROL = "Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: me <me@site.example>\nDescription: example\n"
STANZA = "{control}Filename: pool/{name}.deb\nSize: {size}\nSHA256: {sha256}\n\n"
DATE = "%a, %d %b %Y %H:%M:%S UTC"


@dataclass
class SmallArchive:
    """Mirrors `debian` and `security` in a directory, where who serves them keeps a note of the paths asked for."""

    directory: Path
    url: str = ""
    users: Sequence[str] = ()
    asked: list[str] = field(default_factory=list)
    _home: TemporaryDirectory[str] = field(default_factory=TemporaryDirectory, repr=False)
    """GnuPG's directory, whose path is short: that of the agent's socket in it has 107 bytes at most (unix(7))."""

    @property
    def key(self) -> Path:
        """The public key, as apt takes it (apt-key(8)); in a directory of its own."""
        return self.directory / "trusted/archive.asc"

    def prepare(self, *packages: str, days: float = 1) -> None:
        """Make packages without files, a key, and everything that apt asks for; it expires in some `days`."""
        self._make_key()
        for name in packages:
            self._make_package(name)
        self.publish(packages, days=days)

    def publish(self, packages: Sequence[str], *, days: float = 1) -> None:
        """Write and sign the lists of packages, which are all in the suite itself."""
        for mirror, suites in SUITES.items():
            for suite in suites:
                dist = self.directory / mirror / "dists" / suite
                lists = dist / "main/binary-amd64/Packages"
                lists.parent.mkdir(parents=True, exist_ok=True)
                lists.write_text("".join(map(self._stanza, packages)) if suite == SUITES["debian"][0] else "")
                self._sign(dist, suite, lists, days)

    def package(self, name: str) -> Path:
        """The file of a package."""
        return self.directory / "debian/pool" / f"{name}.deb"

    def _stanza(self, name: str) -> str:
        content = self.package(name).read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        return STANZA.format(control=CONTROL.format(name=name), name=name, size=len(content), sha256=sha256)

    def _make_package(self, name: str) -> None:
        tree = self.directory / "trees" / name
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(CONTROL.format(name=name))
        self.package(name).parent.mkdir(parents=True, exist_ok=True)
        _run("dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, self.package(name))

    def _make_key(self) -> None:
        self.key.parent.mkdir(parents=True)
        self._gpg("--passphrase=", "--quick-generate-key", "archive@site.example", "ed25519", "sign")
        self.key.write_bytes(self._gpg("--armor", "--export"))

    def _sign(self, dist: Path, suite: str, lists: Path, days: float) -> None:
        now = datetime.now(UTC)
        content = lists.read_bytes()
        entry = f" {hashlib.sha256(content).hexdigest()} {len(content)} {lists.relative_to(dist)}"
        release = dist / "Release"
        release.write_text(
            f"Origin: Debian\nSuite: {suite}\nCodename: {suite}\nComponents: main\nArchitectures: amd64 all\n"
            f"No-Support-for-Architecture-all: Packages\n"
            f"Date: {now - timedelta(days=30):{DATE}}\nValid-Until: {now + timedelta(days=days):{DATE}}\n"
            f"SHA256:\n{entry}\n"
        )
        (dist / "InRelease").write_bytes(self._gpg("--clearsign", "--output=-", release))

    def _gpg(self, *arguments: object) -> bytes:
        return _run("gpg", "--batch", "--quiet", f"--homedir={self._home.name}", *arguments)


def _run(*command: object) -> bytes:
    return subprocess.run([*map(str, command)], check=True, stdout=subprocess.PIPE).stdout


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the archive; where it has users, to these alone."""

    def __init__(self, archive: SmallArchive, *arguments: object) -> None:
        self._archive = archive
        super().__init__(*arguments, directory=str(archive.directory))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._archive.asked.append(self.path)
        users = [f"Basic {base64.b64encode(user.encode()).decode()}" for user in self._archive.users]
        if users and self.headers.get("Authorization") not in users:
            self.send_error(401)
        else:
            super().do_GET()

    def log_message(self, *arguments: object) -> None:
        """Write nothing."""


@contextmanager
def serving(archive: SmallArchive) -> Iterator[SmallArchive]:
    """The archive, served for as long as the block runs; it has its URL then."""
    handler = partial(_Handler, archive)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        archive.url = f"http://127.0.0.1:{server.server_port}"
        yield archive
        server.shutdown()


class TrustingSandbox(Sandbox):
    """The embedded engine, in which apt trusts the keys in a directory alone."""

    def __init__(self, keys: Path) -> None:
        self._keys = keys

    def run(self, image: Image, job: Job, on_line: OnLine) -> None:
        """Run `job` with these keys."""
        super().run(image, replace(job, inputs={**job.inputs, "/etc/apt/trusted.gpg.d": self._keys}), on_line)
