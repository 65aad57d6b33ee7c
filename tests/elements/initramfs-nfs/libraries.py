"""Programs of this machine in a tree of their own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def with_libraries(tree: Path, program: str) -> None:
    """Copy a program with the libraries that it needs (ldd(1)) into a tree."""
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout.split()
    for path in [program, *(word for word in listed if word.startswith("/"))]:
        target = tree / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
