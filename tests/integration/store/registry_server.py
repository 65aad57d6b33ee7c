"""Debian's docker-registry as a process on loopback, with its files in a directory of the test."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = "docker-registry"
SECONDS = 20.0
ENVIRONMENT = {"PATH": os.environ["PATH"]}
"""Without variables that begin with REGISTRY_, which the registry takes for settings."""


class RegistryServer:
    """A registry that keeps its blobs in `directory`.

    `auth` is the table of that name in its configuration, `tls` the files with a certificate and its key.
    """

    def __init__(
        self,
        directory: Path,
        *,
        auth: dict[str, Any] | None = None,
        tls: tuple[Path, Path] | None = None,
        deletes: bool = True,
    ) -> None:
        self.directory = directory
        self.host = f"127.0.0.1:{_free_port()}"
        directory.mkdir(exist_ok=True)
        self._config = directory / "config.json"
        encryption = {"tls": {"certificate": str(tls[0]), "key": str(tls[1])}} if tls else {}
        settings = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(directory / "data")}, "delete": {"enabled": deletes}},
            "http": {"addr": self.host, **encryption},
        }
        self._config.write_text(json.dumps({**settings, **({"auth": auth} if auth else {})}))  # JSON is YAML

    @contextlib.contextmanager
    def running(self) -> Iterator[RegistryServer]:
        """Let the registry run during the block."""
        with (self.directory / "log").open("ab") as log:
            process = subprocess.Popen([PROGRAM, "serve", self._config], stdout=log, stderr=log, env=ENVIRONMENT)
        try:
            self._wait(process)
            yield self
        finally:
            process.terminate()
            process.wait()

    def collect_garbage(self) -> None:
        """Remove blobs that no manifest names, and manifests without a tag; the registry must not run."""
        command = [PROGRAM, "garbage-collect", "--delete-untagged", self._config]
        subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)

    def blobs(self) -> set[str]:
        """The digests of all blobs on the registry's disk, in hexadecimal digits."""
        return {file.parent.name for file in self.directory.glob("data/docker/registry/v2/blobs/sha256/*/*/data")}

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        address = ("127.0.0.1", int(self.host.rpartition(":")[2]))
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(address, timeout=1):
                return
            assert process.poll() is None, (self.directory / "log").read_text()
            time.sleep(0.02)
        pytest.fail(f"the registry does not answer\n{(self.directory / 'log').read_text()}")


def require(*programs: str) -> None:
    """Skip the test where one of the programs is not installed; in CI, fail."""
    for program in programs:
        if shutil.which(program) is None:
            reason = f"{program} is not installed"
            if os.environ.get("CI") == "true":
                pytest.fail(f"{reason}; in CI these tests must run")
            pytest.skip(reason)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
