"""Examines a site: programs, services, settings and file systems without which nodes do not boot, or are not safe."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from builder.errors import NfsrootError
from builder.events import Event
from builder.server import neighbours
from builder.settings.programs import Program
from builder.site import apply as applying
from builder.site import state as states
from builder.site.journal import read_backwards
from builder.site.records import read_records
from builder.site.serving import find_deaf
from builder.site.site import Services, Site
from builder.site.status import find_problems

TOOLS = {"bwrap": "bubblewrap", "tar": "tar", "zstd": "zstd"}
"""The programs that unpack a release, each with its Debian package."""


@dataclass(frozen=True)
class Finding:
    """A result of the examination: a sentence, and how to put right what is wrong.

    A fault keeps nodes from booting or a verb from its work; other findings are cautions.
    """

    text: str
    fix: str = ""
    is_fault: bool = True


def examine(site: Site) -> list[Finding]:
    """The findings about a site, the faults first; nothing is changed."""
    found = [
        *_find_missing_tools(),
        *_find_problems(site),
        *_find_unsettled(site),
        *_find_shared_file_systems(site),
    ]
    return sorted(found, key=lambda finding: not finding.is_fault)


def _find_missing_tools() -> Iterator[Finding]:
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            yield Finding(f"{tool} is not installed, without which no release is unpacked", f"apt install {package}")


def _find_problems(site: Site) -> Iterator[Finding]:
    last = next(iter(read_backwards(site.places, 1)), None)
    for problem in find_problems(states.read(site.places.state), read_records(site.places), last):
        yield Finding(problem, "nfsroot-site apply")


def _find_unsettled(site: Site) -> Iterator[Finding]:
    """Yield findings about settings that do not follow the state, and about programs that do not serve."""
    cautions: list[Event] = []
    try:
        prepared = applying.prepare(site, states.read(site.places.state), cautions.append)
    except NfsrootError as error:
        yield Finding(error.brief, error.resolution)
        return
    for change in prepared.comparison.changes:
        yield Finding(f"/{change.path} is not what the state of this site asks for", "nfsroot-site apply")
    for program in prepared.composition.programs:
        yield from _examine_program(site.services, program)


def _examine_program(services: Services, program: Program) -> Iterator[Finding]:
    service = program.service
    if not services.is_installed(service):
        yield Finding(
            f"{service}, which is to serve {program.role}, is not installed", f"apt install {program.package}"
        )
    elif not services.is_active(service):
        yield Finding(f"{service}, which is to serve {program.role}, does not run", "nfsroot-site apply")
    elif deaf := find_deaf(services, program):
        yield Finding(f"{service} runs, and nobody listens on {deaf}", "nfsroot-site apply")


def _find_shared_file_systems(site: Site) -> Iterator[Finding]:
    """Yield a caution for each file system on which nodes may write to one export and only read another."""
    exports = neighbours.exported(site.places.on_server(str(neighbours.EXPORTS)))
    for sentence in neighbours.cautions(exports, lambda path: neighbours.device(str(site.places.on_server(path)))):
        yield Finding(sentence, is_fault=False)
