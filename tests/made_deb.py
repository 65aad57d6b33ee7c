"""Makes the Debian package nfsroot-site from this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def make_deb(output: Path, **environment: str) -> Path:
    """Make the package as `make deb` does, with other variables in the environment."""
    argv = [sys.executable, PROJECT / "deploy/deb", output]
    made = subprocess.run(argv, env={**os.environ, **environment}, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())
