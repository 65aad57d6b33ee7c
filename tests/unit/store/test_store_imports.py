"""What reading a store imports: an NFS server has few of the packages that a builder has."""

from __future__ import annotations

import subprocess
import sys

import pytest

ABSENT = ("click", "pydantic", "jinja2", "ClusterShell", "rich", "obstore")


@pytest.mark.parametrize("address", ["./store", "https://127.0.0.1/nfsroot", "oci://127.0.0.1/nfsroot"])
def test_a_store_is_opened_without_the_packages_of_a_builder(address: str) -> None:
    """A directory, a web server and a registry are opened with the standard library, urllib3 and tomli."""
    program = f"""
import sys
from builder.store.storage.open import open_store
open_store({address!r}, print)
print(*sorted(set(sys.modules) & set({ABSENT!r})))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
