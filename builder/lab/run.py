"""A run of the lab, which tries test cases of a release and writes lab.json and lab.html."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import builder
from builder.cache import Cache
from builder.lab.cases.case import Case
from builder.lab.cases.case_run import CaseRun, Meanwhile
from builder.lab.events import Emit
from builder.lab.released.release import Release
from builder.lab.report import history, html, report
from builder.lab.report.report import LabReport
from builder.release.output import need_writable
from builder.release.verdict import changing, digest, replace


def run(
    release: Release, cases: Sequence[Case], cache: Cache, emit: Emit, meanwhile: Meanwhile = lambda _: None
) -> LabReport:
    """Try test cases of a release one after the other, and write the report with the verdict into its directory.

    The report includes the results of earlier runs, and of other runs at the same time (see `combine_results`).  When
    the checks of a test case are done, `meanwhile` is called with its running nodes, which are shut down afterwards.
    Before the first test case, what killed labs left in the cache is removed.

    :raises InputError: the lab cannot run on this machine; the release's directory stays as it was.
    :raises NfsrootError: the release's directory cannot be written.
    """
    need_writable(release.directory)
    before = history.read_earlier(release)
    cache.sweep()
    began, started = time.monotonic(), datetime.now(UTC).replace(microsecond=0)
    with cache.in_use():
        outcomes = [CaseRun(release, each, cache, emit).run(meanwhile) for each in cases]
    tried, seconds = [result for result, _ in outcomes], round(time.monotonic() - began, 1)
    with changing(release.directory):
        # Another lab may have written its report while this one booted nodes.
        results = history.combine_results(before, history.read_earlier(release), tried)
        made = LabReport(
            name=release.manifest.name,
            version=release.manifest.version,
            content=release.manifest.content,
            manifest=digest(release.directory),
            tool_version=builder.__version__,
            started=started,
            seconds=seconds,
            verdict=history.decide_verdict(results),
            cells=results,
        )
        replace(release.directory / report.FILE, made.text().encode())
        unseen = [None] * (len(results) - len(tried))
        replace(
            release.directory / html.FILE, html.render_page(made, [*unseen, *(seen for _, seen in outcomes)]).encode()
        )
    return made
