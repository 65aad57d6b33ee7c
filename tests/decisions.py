"""Whether apt decides on short lists as it does on whole ones, for requests drawn from the archive.

    python tests/decisions.py [REQUESTS [SEED]]

Requests are of one to three packages; half are decided in an empty tree, half on a base, where one is given.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from builder.cache import Cache
from builder.cli.options import cache_at
from builder.container import image as builder_image
from builder.container.engine import Job, Room
from builder.container.sandbox import Sandbox
from builder.debian import archive as archives
from builder.debian.archive import Archive
from builder.recipe.models import Debian

PROJECT = Path(__file__).parents[1]
ALWAYS = ("podman", "buildah")
"""Two that need a name which nobody prefers one provider of."""
ROOM_MIB = 4096


@dataclass(frozen=True)
class Answer:
    """What apt does for a request, on short lists and on whole ones."""

    request: list[str]
    short: list[str]
    whole: list[str]


def draw(archive: Archive, number: int, seed: int) -> list[str]:
    """Requests of packages, of which the first are those that are always asked for."""
    with closing(sqlite3.connect(archive.job_inputs[f"/input/{archives.INDEX}"])) as database:
        names = [name for (name,) in database.execute("SELECT DISTINCT name FROM package ORDER BY name")]
    chance = random.Random(seed)
    drawn = [" ".join(chance.sample(names, chance.randint(1, 3))) for _ in range(number - len(ALWAYS))]
    return [*ALWAYS, *drawn]


def decide(cache: Cache, archive: Archive, requests: list[str], base: Path | None) -> Iterator[Answer]:
    """Both decisions for each request, in an empty tree or on a base."""
    image = builder_image.ensure(cache, lambda _line: None)
    with tempfile.TemporaryDirectory() as output:
        questions = Path(output, "requests")
        questions.write_text("".join(f"{request}\n" for request in requests), encoding="utf-8")
        program = Path(__file__).with_name("decide.py")
        inputs = {
            **archive.job_inputs,
            "/input/element": PROJECT / "elements/debian-root",
            "/input/decide.py": program,
            "/input/requests": questions,
            **({"/input/base": base} if base else {}),
        }
        command = ("sh", "-c", "python3 -B /input/decide.py < /input/requests > /output/answers")
        environment = {"NFSROOT_ARCHITECTURE": "amd64", "TMPDIR": "/scratch"}
        job = Job(command, output=Path(output), inputs=inputs, environment=environment, room=Room(ROOM_MIB))
        Sandbox().run(image, job, lambda _line: None)
        for line in Path(output, "answers").read_text(encoding="utf-8").splitlines():
            yield Answer(**json.loads(line))


def _is_of(step: Path, archive: Archive) -> bool:
    """Whether the base with this step.json was made of the archive, and not of another suite's or architecture's."""
    archive_of_base: str = json.loads(step.read_text(encoding="utf-8"))["inputs"]["archive"]
    return archive_of_base == archive.digest


def main(number: int = 200, seed: int = 1) -> int:
    """Print the requests on which the decisions differ; the exit status."""
    directory = os.environ.get("NFSROOT_CACHE_DIR")
    cache = cache_at(Path(directory) if directory else None)
    archive = archives.Snapshots(cache, Debian()).find()
    assert archive, "build a recipe first: the archive was not asked yet"
    bases = [path.parent for path in sorted(cache.root.glob("objects/base-*/step.json")) if _is_of(path, archive)]
    requests = draw(archive, number, seed)
    halves = [(requests[::2], None), (requests[1::2], bases[-1] if bases else None)]
    answers = [answer for half, base in halves for answer in decide(cache, archive, half, base)]
    differing = [answer.request for answer in answers if answer.short != answer.whole]
    print(f"{len(answers)} requests, {len(differing)} decided differently: {differing}")  # noqa: T201
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
