"""The benchmark of a site's status: `nfsroot-site status` for 1,000 nodes that report, beside the start of the program.

python tests/bench/site_status.py [ROOM]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from contest import Contestant, Times, contest
from machine import machine

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
sys.path.append(str(HERE.parent))

from made_sites import make_reporting_site  # noqa: E402

from builder.recipe.load import load  # noqa: E402
from builder.recipe.search import SearchPath  # noqa: E402
from builder.site.places import Places  # noqa: E402

NFSROOT_SITE = str(Path(sys.executable).with_name("nfsroot-site"))
NODES, LINES, ROUNDS = 1000, 20_000, 9


def contestants(root: Path) -> Iterator[Contestant]:
    """The program's start, then the status in every form."""
    environment = {"PATH": "/usr/bin:/bin"}
    yield Contestant("start of the program", [NFSROOT_SITE, "status", "--help"], environment=environment)
    for form in ((), ("--json",), ("--prometheus",), ("--html", str(root / "status.html"))):
        argv = [NFSROOT_SITE, "--root", str(root), "status", *form]
        yield Contestant(" ".join(("status", *form[:1])), argv, environment=environment)


def measure_status(room: Path, rounds: int) -> dict[str, Times]:
    """The times of everybody by name."""
    make_reporting_site(Places(room), load("debian-nfsroot", SearchPath.default(PROJECT)), NODES, LINES)
    return contest(list(contestants(room)), rounds, room / "log")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="nfsroot-bench-", dir=sys.argv[1] if sys.argv[1:] else None) as directory:
        measured = measure_status(Path(directory), ROUNDS)
    print(machine())  # noqa: T201
    for each in measured.values():
        print(f"{each.name:24} {each.median:6.2f} s  {each.peak_mib:6.0f} MiB")  # noqa: T201
