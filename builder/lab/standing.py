"""How a release stands after several runs of the lab: what failed is not forgotten because something else passed."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from builder.errors import InputError
from builder.lab.release import Release
from builder.lab.report import FILE, CellReport, LabReport
from builder.release.manifest import Lab, explain
from builder.release.verdict import another_manifest, digest


def earlier(release: Release) -> tuple[CellReport, ...]:
    """The cells that the report of a release tells of, if there is one.

    A report of an older nfsroot names no manifest, but the release's content.

    :raises InputError: the file is not a report, or is about another release.
    """
    file = release.directory / FILE
    if not file.exists():
        return ()
    try:
        found = LabReport.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise InputError(
            f"{file} is not a report of this nfsroot, so that nobody can tell what failed before",
            details=explain(error),
            resolution="Remove the file to begin anew, with everything that is to be tried.",
        ) from error
    named = found.manifest == digest(release.directory) if found.manifest else True
    if found.content != release.manifest.content or not named:
        raise another_manifest(file)
    return found.cells


def standing(
    known: Sequence[CellReport], before: Sequence[CellReport], tried: Sequence[CellReport]
) -> tuple[CellReport, ...]:
    """The last word on each combination: the cells of `before` that `tried` does not settle, and `tried`.

    `known` are the cells that stood in the report when the run began that made `tried`.  What another run has found
    to fail since then is not settled: nobody can have mended it.
    """
    return (*(old for old in before if not _is_settled(old, tried, mended=old.passed or old in known)), *tried)


def _is_settled(old: CellReport, tried: Sequence[CellReport], *, mended: bool) -> bool:
    return mended and any(settles(new, old) for new in tried)


def settles(new: CellReport, old: CellReport) -> bool:
    """Whether `new` says all that `old` did: the same was tried, and each check made again that had failed."""
    made = {(node.name, check.name) for node in new.nodes for check in node.checks}
    failed = {(node.name, check.name) for node in old.nodes for check in node.failed}
    return new.combination == old.combination and failed <= made


def verdict(cells: Sequence[CellReport]) -> Lab:
    """The verdict on a release: passed, when the last word on everything that was ever tried is that it passed."""
    return Lab.PASSED if cells and all(cell.passed for cell in cells) else Lab.FAILED
