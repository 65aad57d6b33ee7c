"""A release's root tarball, unpacked as its server does it."""

from __future__ import annotations

import shlex
import subprocess
import tarfile
from pathlib import Path


def unpack(release: Path, directory: Path) -> None:
    """Unpack the root tarball into `directory` by the command that the server bundle's README gives."""
    (bundle,) = release.glob("*-server.tar.gz")
    with tarfile.open(bundle) as archive:
        readme = archive.extractfile("README").read().decode()
    *command, _target = shlex.split(next(line for line in readme.splitlines() if "-root.tar.zst -C" in line))
    subprocess.run([*command, directory], cwd=release, check=True)
