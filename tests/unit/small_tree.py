"""A small tree, and a stand-in for the compressors of the builder image, for tests of packing."""

from __future__ import annotations

import gzip
from pathlib import Path

from builder.container.engine import Job
from builder.process import OnLine
from builder.tree.build import Tree


def compress(job: Job, _on_line: OnLine) -> None:
    """Stand in for gzip, and for zstd by changing nothing."""
    suffix, compressed = {"zstd": (".zst", bytes), "gzip": (".gz", gzip.compress)}[job.argv[0]]
    for source in (job.output / Path(name).name for name in job.argv if name.startswith("/output/")):
        source.with_name(source.name + suffix).write_bytes(compressed(source.read_bytes()))
        source.unlink()


def tree_of_a_kernel(directory: Path) -> Tree:
    """A tree in `directory` with /etc, a hosts file that is not the overlay's, and a kernel."""
    directory.mkdir()
    (directory / "paths").write_text("etc\0etc/passwd\0usr")
    (directory / "vmlinuz-6.12.1-amd64").write_text("kernel")
    return Tree(directory)
