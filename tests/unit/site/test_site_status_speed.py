"""Status of 1,000 nodes is there before somebody wonders whether it will come."""

from __future__ import annotations

import time
from pathlib import Path

from made_sites import make_reporting_site

from builder.recipe.models import Recipe
from builder.site.looking import look
from builder.site.places import Places
from builder.site.status_table import render_table


def test_status_of_a_thousand_nodes_takes_less_than_a_second(tmp_path: Path, debian: Recipe) -> None:
    """Reports of all of them, 20,000 lines of nginx's log, and 400 packages in two releases: of processor time."""
    places = Places(tmp_path)
    make_reporting_site(places, debian, nodes=1000, lines=20_000)
    before = time.process_time()
    table = render_table(look(places), time.time())
    assert time.process_time() - before < 1.0
    assert len(table.splitlines()) == 1002
