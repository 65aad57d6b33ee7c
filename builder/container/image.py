"""The builder image: the Debian tree that holds every tool of a build, bootstrapped once by mmdebstrap.

A release depends on this image and not on the host.  So the image's id, a key over its definition and the versions of
its packages, goes into the key of every step that runs in the image.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import shutil
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from builder.cache import Cache, Inputs
from builder.code import PROGRAM
from builder.container.engine import Image
from builder.container.mirror import explain
from builder.errors import NfsrootError
from builder.keys import is_executable, key_of
from builder.process import CommandError, OnLine, run
from builder.recipe.models import Debian

STEP = "builder-image"
SUITE = "trixie"
PACKAGES = (
    "arch-test",  # by which mmdebstrap sees that this machine runs programs of another architecture
    "bash",
    "debian-archive-keyring",
    "dnsmasq-base",  # dnsmasq --test
    "e2fsprogs",  # lsattr, which disk-image-create calls
    "erofs-utils",
    "grub-common",
    "grub-efi-amd64-bin",
    "grub-efi-amd64-signed",
    "grub-pc-bin",
    "gzip",
    "isc-dhcp-server",  # dhcpd -t
    "kea-dhcp4-server",  # kea-dhcp4 -t
    "kmod",  # depmod
    "mmdebstrap",
    "mount",
    "nginx",  # nginx -t
    "procps",  # ps, which disk-image-create calls
    "python3-jsonschema",  # this and the next four: what diskimage-builder imports
    "python3-minimal",
    "python3-networkx",
    "python3-pbr",
    "python3-stevedore",
    "python3-yaml",
    "rsyslog",  # rsyslogd -N1
    "shim-signed",
    "squashfs-tools",
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
"""The words before a command on the host, by which all its processes end with this one; it sees the host as it is."""

DIRECTORIES = ("input", "output", "scratch")
"""The directories at the image's top at which a job's inputs, its output and its room are mounted."""
PACKAGE = "diskimage_builder"
INSTALL_AGAIN = f"Install it again: {sys.executable} -m pip install --force-reinstall diskimage-builder"
COMPILE = ("python3", "-m", "compileall", "-q", f"/usr/lib/python3/dist-packages/{PACKAGE}")
DISK_IMAGE_CREATE = """#!/usr/bin/python3
import sys
from diskimage_builder.disk_image_create import main
sys.exit(main())
"""


def definition() -> Inputs:
    """The inputs of the builder image's key: suite, packages, and the code that goes into the image."""
    return {
        "suite": SUITE,
        "packages": list(PACKAGES),
        "directories": list(DIRECTORIES),
        "code": PROGRAM.digest(alone=[__name__]),
        "diskimage-builder": key_of({path: digest for path, (_, digest) in _code(_metadata()).items() if digest}),
    }


def find(cache: Cache) -> Image | None:
    """The builder image, if it is in the cache."""
    key = key_of(definition())
    return _open(cache.object(STEP, key)) if cache.has(STEP, key) else None


def made_from(cache: Cache) -> tuple[Path, ...]:
    """The files that determine which builder image `find` returns."""
    return _metadata() / "RECORD", cache.object(STEP, key_of(definition())) / "id"


def ensure(cache: Cache, on_line: OnLine) -> Image:
    """The builder image; bootstrap it first when it is not in the cache.

    :raises NfsrootError: mmdebstrap failed.
    """
    inputs = definition()
    return _open(cache.produce(STEP, key_of(inputs), inputs, lambda directory: _bootstrap(directory, on_line)))


def _open(path: Path) -> Image:
    return Image((path / "id").read_text(encoding="utf-8"), path / "rootfs")


def _bootstrap(directory: Path, on_line: OnLine) -> None:
    rootfs = directory / "rootfs"
    argv = ["mmdebstrap", "--mode=root", "--variant=apt", "--format=directory", f"--include={','.join(PACKAGES)}"]
    try:
        run([*MORTAL, *argv, SUITE, str(rootfs)], env=_host_environment(), on_line=on_line, name="mmdebstrap")
    except CommandError as error:
        raise explain(error, Debian(suite=SUITE)) from error
    _install_diskimage_builder(rootfs)
    # disk-image-create starts Python eight times; with compiled modules each start takes a sixth less time.
    run([*MORTAL, "chroot", str(rootfs), *COMPILE], env=_host_environment(), on_line=on_line, name="compileall")
    for name in DIRECTORIES:
        (rootfs / name).mkdir()
    # sudo looks up the name of its host; without this line it would ask the network, and wait.
    (rootfs / "etc/hosts").write_text("127.0.0.1 localhost builder\n", encoding="utf-8")
    versions = (rootfs / "var/lib/dpkg/status").read_bytes()
    (directory / "id").write_text(
        key_of({**definition(), "versions": hashlib.sha256(versions).hexdigest()}), encoding="utf-8"
    )


def _host_environment() -> Mapping[str, str]:
    """The environment of mmdebstrap, which runs on the host: the search path and the user's proxies, no more."""
    wanted = ("PATH", "http_proxy", "https_proxy", "no_proxy")
    return {name: os.environ[name] for name in wanted if name in os.environ} | {"LC_ALL": "C.UTF-8"}


def _install_diskimage_builder(rootfs: Path) -> None:
    """Copy the installed diskimage-builder into the image, and verify its files by their digests in RECORD.

    diskimage-builder is pure Python: the host's copy works with the image's interpreter, and no package index is asked.
    """
    metadata = _metadata()
    target = rootfs / "usr/lib/python3/dist-packages"
    for path, (algorithm, digest) in _code(metadata).items():
        source, destination = metadata.parent / path, target / path
        if digest:
            _verify(source, algorithm, digest)
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, destination)
        destination.chmod(0o755 if is_executable(source.stat()) else 0o644)
    command = rootfs / "usr/local/bin/disk-image-create"
    command.write_text(DISK_IMAGE_CREATE, encoding="utf-8")
    command.chmod(0o755)


def _metadata() -> Path:
    """The directory of the installed diskimage-builder's metadata (Python packaging: recording installs).

    importlib.metadata would find the directory, too, but takes longer than the rest of a build whose release exists.

    :raises NfsrootError: diskimage-builder is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise NfsrootError("diskimage-builder is not installed", resolution=INSTALL_AGAIN)
    site = Path(spec.origin).parent.parent
    return next(site.glob(f"{PACKAGE}-*.dist-info"))


def _code(metadata: Path) -> dict[str, tuple[str, str]]:
    """The algorithm and digest (both may be empty) of each file that a copy of diskimage-builder needs, by path.

    These are the package itself and the metadata by which it finds its version and its plugins.  Other metadata comes
    from the installer, and differs from one installation to the next.
    """
    wanted = (f"{PACKAGE}/", f"{metadata.name}/METADATA", f"{metadata.name}/entry_")
    with (metadata / "RECORD").open(newline="", encoding="utf-8") as record:
        rows = [(path, recorded) for path, recorded, _size in csv.reader(record) if path.startswith(wanted)]
    digests = {path: recorded.partition("=") for path, recorded in rows if "/__pycache__/" not in path}
    return {path: (algorithm, digest) for path, (algorithm, _, digest) in digests.items()}


def _verify(file: Path, algorithm: str, expected: str) -> None:
    """Compare a file with the digest that the wheel's RECORD gives."""
    digest = hashlib.new(algorithm, file.read_bytes()).digest()
    if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != expected:
        raise NfsrootError(f"{file} is not the file that diskimage-builder installed", resolution=INSTALL_AGAIN)
