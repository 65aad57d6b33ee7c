"""Servers of stores, as processes on the loopback interface: nginx, SeaweedFS and rclone."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest

from builder.store.errors import StoreError
from builder.store.storage.access import Access
from builder.store.storage.interface import Storage
from builder.store.storage.open import open_storage

KEY, SECRET = "AKIDAKIDAKIDAKID", "SECRETSECRETSECRETSECRET"
BUCKET = "nfsroot"
USER, PASSWORD = "ann", "pass w%rd ä"
START_SECONDS = 60


class Nginx(NamedTuple):
    """A running nginx, and the directory that it shows at `/static/` and takes files into at `/dav/`."""

    url: str
    files: Path


class Kind(NamedTuple):
    """An empty store of one kind, which `address` and `access` open as often as a test likes.

    `replaces_whole` says whether the server shows readers the object before or the new one, and never a part.
    """

    address: str
    access: Access = Access()
    lists: bool = True
    swaps_safely: bool = False
    replaces_whole: bool = True

    def open(self) -> Storage:
        """The store, opened anew, as by another process."""
        return open_storage(self.address, self.access)


def find_program(name: str, how: str) -> str:
    """The path of a program, from the tests' own environment or from the system; the test is skipped without it."""
    own = Path(sys.executable).with_name(name)
    found = str(own) if own.is_file() else shutil.which(name)
    return found or not_here(f"{name} is not installed: {how}")


def not_here(reason: str) -> NoReturn:
    """Skip the test, which must run in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; in CI these tests must run")
    pytest.skip(reason)


@contextlib.contextmanager
def run_nginx(directory: Path) -> Iterator[Nginx]:
    """nginx with a directory of files: to read, to write by DAV, to write with a password, to write small files."""
    program = find_program("nginx", "it is one of Debian's packages")
    files, (port,) = directory / "files", _free_ports(1)
    for place in ("static", "dav", "guarded", "public", "small"):
        (files / place).mkdir(parents=True)
    (directory / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
    temporary = "".join(
        f"{module}_temp_path {directory}/{module};" for module in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    password = f"auth_basic publishers; auth_basic_user_file {directory}/users;"
    takes_files = "dav_methods PUT DELETE; create_full_put_path on;"
    (directory / "nginx.conf").write_text(
        f"{'user root;' if os.geteuid() == 0 else ''} daemon off; pid {directory}/pid; error_log stderr; events {{}}"
        f"http {{ access_log off; {temporary} client_max_body_size 0; gzip on; gzip_types *; gzip_min_length 1;"
        f"server {{ listen 127.0.0.1:{port}; root {files};"
        f"location /dav/ {{ {takes_files} }}"
        f"location /small/ {{ {takes_files} client_max_body_size 1k; }}"
        f"location /guarded/ {{ {takes_files} {password} }}"
        f"location /public/ {{ {takes_files} limit_except GET {{ {password} }} }} }} }}"
    )
    with _running([program, "-p", str(directory), "-c", str(directory / "nginx.conf")], directory, port):
        yield Nginx(f"http://127.0.0.1:{port}", files)


@contextlib.contextmanager
def run_seaweedfs(directory: Path) -> Iterator[str]:
    """The URL of a SeaweedFS with an empty bucket, which keeps to conditions on writes."""
    program = find_program("weed", "run `make .venv/servers`")
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    ports = dict(
        zip((*names, "s3.port", "s3.port.grpc", "admin.port", "admin.port.grpc"), _free_ports(10), strict=True)
    )
    command = [program, "mini", f"-dir={directory}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-bucket={BUCKET}"]
    command += ["-master.telemetry=false", "-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    try:
        with _running(command, directory, ports["s3.port"], AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET):
            url = f"http://127.0.0.1:{ports['s3.port']}"
            _wait_for_bucket(url)
            yield url
    finally:
        for port in ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink()


def _wait_for_bucket(url: str) -> None:
    """Wait until the server, which answers before that, has made its bucket."""
    storage = open_storage(f"s3://{BUCKET}", Access(user=KEY, secret=SECRET, endpoint=url))
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            next(iter(storage.list("")), None)
            return
        except StoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextlib.contextmanager
def run_rclone(directory: Path) -> Iterator[str]:
    """The URL of an S3 server with an empty bucket, which ignores conditions on writes and ranges."""
    program, (port,) = find_program("rclone", "run `make .venv/servers`"), _free_ports(1)
    (directory / "files" / BUCKET).mkdir(parents=True)
    command = [program, "serve", "s3", "--config=/dev/null", f"--addr=127.0.0.1:{port}", f"--auth-key={KEY},{SECRET}"]
    with _running([*command, str(directory / "files")], directory, port):
        yield f"http://127.0.0.1:{port}"


def _free_ports(count: int) -> list[int]:
    """Ports that are free now, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [bound.getsockname()[1] for bound in sockets]


@contextlib.contextmanager
def _running(command: Sequence[str], directory: Path, port: int, **variables: str) -> Iterator[None]:
    """A process that runs during the block, once its port takes connections; its output goes to DIRECTORY/log."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "TMPDIR": str(directory), **variables}
    log = directory / "log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=environment) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-3000:]}")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
