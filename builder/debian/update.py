"""The jobs that fetch the package lists of an archive, by mmdebstrap in the builder image."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from builder.container.engine import Engine, Image, Job, Room
from builder.container.mirror import explain
from builder.debian import sources
from builder.debian.archive import ORDER, SKELETON
from builder.errors import NfsrootError
from builder.process import CommandError, OnLine
from builder.recipe.models import Debian

UPDATE = (
    '--aptopt=Dir::Etc::netrc "/input/auth.conf"; Acquire::https::CAInfo "/input/certificates.crt"',
    "--customize-hook=copy-out /var/lib/apt/lists /output",
    "--customize-hook=APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get indextargets"
    f" --format '$(FILENAME)' 'Created-By: Packages' > /output/{ORDER}",
)
"""The options for an update of package lists.  It leaves the lists, and their names in apt's reading order."""
SKIPPED = ("update", "cleanup/apt", "cleanup/reproducible", "cleanup/tmp", "chroot/mount", "output/dev")
"""The steps of mmdebstrap that a tree without packages does not need (mmdebstrap(1), --skip)."""


@dataclass(frozen=True)
class Update:
    """The jobs that fetch package lists into `directory`, by mmdebstrap in the builder image."""

    directory: Path
    debian: Debian
    engine: Engine
    image: Image
    on_line: OnLine

    def run(self) -> None:
        """Fetch the lists, and write with them the date of the newest Release file and the order of the lists.

        :raises NfsrootError: the mirror cannot be reached or does not have the suite.
        """
        mirrors: tuple[str, ...] = ()
        self._lay_out(mirrors)
        if self.debian.mirror or self.debian.security_mirror:
            mirrors = (sources.at_mirrors(sources.read(self.directory / SKELETON), self.debian),)
            self._lay_out(mirrors)
        update = _mmdebstrap(self.debian, "--format=directory", "--skip=cleanup/apt", *UPDATE, target="/scratch/update")
        job = Job((*update, *mirrors), output=self.directory, network=True, room=Room(1024))
        try:
            self.engine.run(self.image, job, self.on_line)
        except CommandError as error:
            raise explain(error, self.debian) from error
        dates = [_release_date(path) for path in (self.directory / "lists").glob("*Release")]
        state = json.dumps({"date": max(dates).isoformat()})
        (self.directory / "state.json").write_text(state, encoding="utf-8")

    def _lay_out(self, mirrors: tuple[str, ...]) -> None:
        """Make the tree without packages.  Its sources of packages are `mirrors`, or mmdebstrap's default sources."""
        skip = f"--skip={','.join(SKIPPED)}"
        skeleton = _mmdebstrap(self.debian, "--format=tar", skip, target=f"/output/{SKELETON}")
        job = Job((*skeleton, *mirrors), output=self.directory, environment={"SOURCE_DATE_EPOCH": "0"})
        self.engine.run(self.image, job, self.on_line)


def _mmdebstrap(debian: Debian, *options: str, target: str) -> tuple[str, ...]:
    """The command of mmdebstrap(1) that makes a tree without packages, but with the archive's sources."""
    return (
        "mmdebstrap",
        "--mode=root",
        "--variant=custom",
        f"--architectures={debian.architecture}",
        f"--components={','.join(debian.components)}",
        *options,
        debian.suite,
        target,
    )


def _release_date(path: Path) -> datetime:
    """The Date field of a Release file (Debian repository format)."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("Date: "):
            return parsedate_to_datetime(line[6:].strip()).astimezone(UTC)
    raise NfsrootError(f"{path.name} has no Date field", resolution="Name another mirror under [debian] mirror.")
