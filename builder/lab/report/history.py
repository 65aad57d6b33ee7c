"""The results of earlier runs of the lab, which count until their test cases are tried again."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from builder.errors import InputError
from builder.lab.released.release import Release
from builder.lab.report.report import FILE, CellReport, LabReport
from builder.release.manifest import Lab, explain
from builder.release.verdict import another_manifest, digest


def read_earlier(release: Release) -> tuple[CellReport, ...]:
    """Read the results in lab.json of a release; the result is empty when the file does not exist.

    A report by an older nfsroot identifies the release by its content key, not by the digest of its manifest.

    :raises InputError: the file is not a report, or is about another release.
    """
    file = release.directory / FILE
    if not file.exists():
        return ()
    try:
        found = LabReport.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise InputError(
            f"{file} is not a report that this nfsroot can read, so that earlier failures are not known",
            details=explain(error),
            resolution="Remove the file, and try every test case again.",
        ) from error
    named = found.manifest == digest(release.directory) if found.manifest else True
    if found.content != release.manifest.content or not named:
        raise another_manifest(file)
    return found.cells


def combine_results(
    known: Sequence[CellReport], before: Sequence[CellReport], tried: Sequence[CellReport]
) -> tuple[CellReport, ...]:
    """Combine the results in lab.json (`before`) with those of this run (`tried`), which come last.

    A result of this run replaces an earlier one of the same test case.  It does not replace a failure that another run
    of the lab has written since this run began, when lab.json had the results `known`: this run cannot show that the
    cause of that failure has gone.
    """
    return (*(old for old in before if not _is_replaced(old, tried, mended=old.passed or old in known)), *tried)


def _is_replaced(old: CellReport, tried: Sequence[CellReport], *, mended: bool) -> bool:
    return mended and any(replaces(new, old) for new in tried)


def replaces(new: CellReport, old: CellReport) -> bool:
    """Whether `new` is a result of the same test case as `old`, and made every check that failed in `old`."""
    made = {(node.name, check.name) for node in new.nodes for check in node.checks}
    failed = {(node.name, check.name) for node in old.nodes for check in node.failed}
    return new.case == old.case and failed <= made


def decide_verdict(results: Sequence[CellReport]) -> Lab:
    """Decide the verdict on a release: passed if the last result of every test case is passed."""
    return Lab.PASSED if results and all(result.passed for result in results) else Lab.FAILED
