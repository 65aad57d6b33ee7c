"""The builder image: the Debian tree that holds every tool of a build, bootstrapped once by mmdebstrap.

A release depends on this image and not on the host, so the image's definition (and, once it is made, the
versions that it got) goes into the key of every step that runs in it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import Distribution, PackagePath, distribution
from pathlib import Path

from builder.cache import Cache, Inputs
from builder.container.engine import Image
from builder.container.mirror import explain
from builder.errors import NfsrootError
from builder.keys import key_of
from builder.process import CommandError, OnLine, run
from builder.recipe.models import Debian

STEP = "builder-image"
SUITE = "trixie"
PACKAGES = (
    "bash",
    "debian-archive-keyring",
    "dnsmasq-base",  # dnsmasq --test
    "e2fsprogs",  # lsattr, which disk-image-create calls
    "grub-common",
    "grub-efi-amd64-bin",
    "grub-efi-amd64-signed",
    "grub-pc-bin",
    "gzip",
    "isc-dhcp-server",  # dhcpd -t
    "kea-dhcp4-server",  # kea-dhcp4 -t
    "mmdebstrap",
    "mount",
    "procps",  # ps, which disk-image-create calls
    "python3-jsonschema",  # this and the next four: what diskimage-builder imports
    "python3-minimal",
    "python3-networkx",
    "python3-pbr",
    "python3-stevedore",
    "python3-yaml",
    "shim-signed",
    "sudo",  # disk-image-create runs its commands through it, as root too
    "util-linux",  # findmnt, fstrim, getopt
    "xz-utils",
    "zstd",
)
MORTAL = (
    "bwrap",
    "--die-with-parent",
    "--unshare-pid",
    "--cap-add",
    "ALL",
    "--dev-bind",
    "/",
    "/",
    "--proc",
    "/proc",
    "--",
)
"""Before a command on the host: it sees the host as it is, and all that it starts ends with this process."""

DIRECTORIES = ("input", "output", "scratch")
"""At the image's top: where a job's inputs, its output and its room to work in are mounted."""
PACKAGE = "diskimage_builder"
DISK_IMAGE_CREATE = """#!/usr/bin/python3
import sys
from diskimage_builder.disk_image_create import main
sys.exit(main())
"""


def definition() -> Inputs:
    """What the builder image is made of: its key's inputs."""
    files = {str(entry): entry.hash.value for entry in _code(distribution("diskimage-builder")) if entry.hash}
    return {
        "suite": SUITE,
        "packages": list(PACKAGES),
        "directories": list(DIRECTORIES),
        "diskimage-builder": key_of(files),
    }


def find(cache: Cache) -> Image | None:
    """The builder image, if it is in the cache."""
    key = key_of(definition())
    return _open(cache.object(STEP, key)) if cache.has(STEP, key) else None


def ensure(cache: Cache, on_line: OnLine) -> Image:
    """The builder image, bootstrapped when it is not in the cache.

    :raises NfsrootError: mmdebstrap failed.
    """
    inputs = definition()
    return _open(cache.produce(STEP, key_of(inputs), inputs, lambda directory: _bootstrap(directory, on_line)))


def _open(path: Path) -> Image:
    return Image((path / "id").read_text(), path / "rootfs")


def _bootstrap(directory: Path, on_line: OnLine) -> None:
    rootfs = directory / "rootfs"
    argv = ["mmdebstrap", "--mode=root", "--variant=apt", "--format=directory", f"--include={','.join(PACKAGES)}"]
    try:
        run([*MORTAL, *argv, SUITE, str(rootfs)], env=_host_environment(), on_line=on_line, name="mmdebstrap")
    except CommandError as error:
        raise explain(error, Debian(suite=SUITE)) from error
    _install_diskimage_builder(rootfs)
    for name in DIRECTORIES:
        (rootfs / name).mkdir()
    # sudo looks its own host name up; without an answer here it asks the network, and waits.
    (rootfs / "etc/hosts").write_text("127.0.0.1 localhost builder\n")
    versions = (rootfs / "var/lib/dpkg/status").read_bytes()
    (directory / "id").write_text(key_of({**definition(), "versions": hashlib.sha256(versions).hexdigest()}))


def _host_environment() -> Mapping[str, str]:
    """mmdebstrap runs on the host: it needs the search path and the user's proxies, and no more."""
    wanted = ("PATH", "http_proxy", "https_proxy", "no_proxy")
    return {name: os.environ[name] for name in wanted if name in os.environ} | {"LC_ALL": "C.UTF-8"}


def _install_diskimage_builder(rootfs: Path) -> None:
    """Copy the diskimage-builder that this tool depends on into the image, verified by its own RECORD.

    It is pure Python, so the host's copy works with the image's interpreter; so no package index is asked.
    """
    found = distribution("diskimage-builder")
    target = rootfs / "usr/lib/python3/dist-packages"
    for entry in _code(found):
        source = Path(str(entry.locate()))
        if entry.hash is not None:
            _verify(found, source, entry.hash.mode, entry.hash.value)
        destination = target / Path(*entry.parts)
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, destination)
    command = rootfs / "usr/local/bin/disk-image-create"
    command.write_text(DISK_IMAGE_CREATE)
    command.chmod(0o755)


def _code(found: Distribution) -> list[PackagePath]:
    """The files of the package, and the metadata by which it finds its version and its plugins.

    What an installer adds beside them differs by who installs it, and where.
    """
    wanted = (
        f"{PACKAGE}/",
        f"{PACKAGE}-{found.version}.dist-info/METADATA",
        f"{PACKAGE}-{found.version}.dist-info/entry_",
    )
    files = (entry for entry in found.files or () if str(entry).startswith(wanted))
    return [entry for entry in files if "__pycache__" not in entry.parts]


def _verify(found: Distribution, file: Path, algorithm: str, expected: str) -> None:
    """Compare a file with the digest that the wheel's RECORD gives (Python packaging: recording installs)."""
    digest = hashlib.new(algorithm, file.read_bytes()).digest()
    if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != expected:
        raise NfsrootError(
            f"{file} is not the file that {found.name} {found.version} installed",
            resolution=f"Install it again: {sys.executable} -m pip install --force-reinstall diskimage-builder",
        )
