"""The benchmarks find the modules that they use: `make bench` takes half an hour before it comes to some of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPTS = sorted(file.stem for file in HERE.glob("*.py") if not file.stem.startswith("test_"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_can_be_imported(name: str) -> None:
    """Importing a script finds every name that it imports."""
    subprocess.run([sys.executable, "-c", f"import {name}"], cwd=HERE, check=True)
