"""Releases with a mistake in them, and what the lab says of their nodes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from builder.cache import Cache
from builder.lab.cases.case import make_case
from builder.lab.cases.case_run import compare_identities
from builder.lab.cases.node_run import NodeRun
from builder.lab.rack.rack import Rack, run_rack
from builder.lab.released.release import Release, read_release
from builder.lab.vocabulary.hardware import Firmware
from builder.lab.vocabulary.server_kind import ServerKind


def spoilt(release: Release, directory: Path, spoil: Callable[[Path], None]) -> Release:
    """A copy of the release in `directory`, whose server bundle `spoil` changed in its unpacked form."""
    copy, bundle = directory / "release", directory / "bundle"
    shutil.copytree(release.directory, copy, copy_function=os.link)
    bundle.mkdir()
    packed = copy / release.server_bundle.name
    subprocess.run(["tar", "-C", str(bundle), "-xzf", str(packed)], check=True)
    spoil(bundle)
    packed.unlink()
    subprocess.run(["tar", "-C", str(bundle), "-cf", str(packed), "--use-compress-program=gzip -1", "."], check=True)
    return read_release(copy)


def substitute(file: Path, old: str, new: str) -> None:
    """Replace text in a file, which must have it."""
    text = file.read_text()
    assert old in text, f"{file.name} has no {old!r}"
    file.write_text(text.replace(old, new))


@contextmanager
def started(release: Release, directory: Path, cache: Cache, kind: ServerKind = ServerKind.NAMESPACE) -> Iterator[Rack]:
    """The release's rack; `directory` is made for its logs."""
    directory.mkdir()
    wanted = make_case(release, [], Firmware.BIOS, kind=kind)
    with run_rack(release, wanted.server, wanted.kind, directory, cache) as running:
        yield running


def tried(running: Rack, names: Sequence[str], patience: float) -> dict[str, NodeRun]:
    """Nodes that were booted at once, by BIOS, and checked; every limit of time is multiplied by `patience`."""
    nodes = make_case(running.release, names, Firmware.BIOS).nodes
    runs = {node.name: NodeRun(running, node, Firmware.BIOS, patience, lambda _: None) for node in nodes}
    with ExitStack() as powered, ThreadPoolExecutor(len(runs)) as pool:
        list(pool.map(lambda run: run.run(powered), runs.values()))
        compare_identities(runs.values())
    return runs
