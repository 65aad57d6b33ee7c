"""Status of 1,000 nodes is there before somebody wonders whether it will come."""

from __future__ import annotations

import json
import time
from pathlib import Path

from made_sites import asked, in_cluster, serving, unpack

from builder.recipe.models import Recipe
from builder.site import journal
from builder.site.looking import look
from builder.site.places import Places
from builder.site.status_table import render_table

BOOT_ID = "0d5b6a52-9c68-4b9e-8a6c-6a1f9f1f5a01"


def test_status_of_a_thousand_nodes_takes_less_than_a_second(tmp_path: Path, debian: Recipe) -> None:
    """Reports of all of them, 20,000 lines of nginx's log, and 400 packages in two releases: of processor time."""
    places = Places(tmp_path)
    releases = [in_cluster(asked(debian, version), "big", 7, nodes=1000) for version in ("1", "2")]
    for number, release in enumerate(releases):
        packages = [
            {"name": f"p{n}", "version": f"{n}.{number if n % 9 == 0 else 0}", "architecture": "amd64", "source": "s"}
            for n in range(400)
        ]
        record = unpack(places, release, number)
        (record.directory / "manifest.json").write_text(json.dumps({"packages": packages}))
        journal.change(places, ("switch",), serving(release), lambda _state: None)
    places.reports_over_nfs.mkdir(parents=True)
    said = {"schema": 1, "release": "big", "version": "1", "boot_id": BOOT_ID, "state": "running", "seconds": 9.4}
    for node in releases[0].nodes:
        report = {**said, "node": node.name, "uptime": 99_999, "failed": [], "time": 1}
        (places.reports_over_nfs / node.name).write_text(json.dumps(report))
    log = places.on_server("/var/log/nginx/access.log")
    log.parent.mkdir(parents=True)
    log.write_text(
        "".join(
            f'10.7.0.{n % 200 + 10} - - [29/Nov/2026:10:00:00 +0000] "GET /big/1/vmlinuz HTTP/1.1" 200 2 "-" "G"\n'
            for n in range(20_000)
        )
    )
    before = time.process_time()
    table = render_table(look(places), time.time())
    assert time.process_time() - before < 1.0
    assert len(table.splitlines()) == 1002
