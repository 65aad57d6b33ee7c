"""The benchmark of S3 and of registries: nfsroot beside rclone and skopeo, with the same files and servers.

`make bench-stores` runs it.  The files are random bytes in the sizes of a release's parts: 170 MB.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from contest import Contestant, Times, contest
from machine import machine
from registry_store import measure_registry

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "integration" / "store"))

from store_servers import BUCKET, KEY, SECRET, find_program, run_seaweedfs  # noqa: E402

AT_ONCE = 4
"""Transfers side by side of rclone, as many as nfsroot has."""
LARGEST, LARGE, SMALL = 16 << 20, 6, 154
"""The size of the largest parts in bytes, the number of these, and that of parts with a package each."""


def main() -> None:
    """Measure, and print the medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--room", type=Path, help="where all work")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nfsroot-bench-", dir=options.room) as directory:
        room = Path(directory)
        (room / "server").mkdir()
        files = write_files(room / "files")
        with run_seaweedfs(room / "server") as url:
            contests = [*measure(room, files, url, options.rounds)]
        contests += measure_registry(room / "registries", files, options.rounds)
    print(machine())  # noqa: T201
    for times in contests:
        ours, theirs = times.values()
        for each in (ours, theirs):
            print(f"{each.name:24} {each.median:6.2f} s  {each.peak_mib:6.0f} MiB")  # noqa: T201
        print(f"nfsroot takes {ours.ratio(theirs):.2f} of the other's time")  # noqa: T201


def write_files(directory: Path) -> Path:
    """Write the files, named by their SHA-256, into a new directory."""
    directory.mkdir()
    dice = random.Random("parts")
    sizes = [LARGEST] * LARGE + [min(int(dice.lognormvariate(12.3, 1.3)), LARGEST) for _ in range(SMALL)]
    for size in sizes:
        data = dice.randbytes(size)
        (directory / hashlib.sha256(data).hexdigest()).write_bytes(data)
    return directory


def measure(room: Path, files: Path, url: str, rounds: int) -> tuple[dict[str, Times], dict[str, Times]]:
    """The times of both to send the files, and to fetch them."""
    ours, theirs, target = f"s3://{BUCKET}/ours", f"store:{BUCKET}/theirs", room / "target"
    program = find_program("rclone", "run `make .venv/servers`")
    rclone = [program, "--config=/dev/null", f"--transfers={AT_ONCE}"]
    environment = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": url}
    remote = {"TYPE": "s3", "PROVIDER": "Other", "ENV_AUTH": "true", "ENDPOINT": url}
    settings = {f"RCLONE_CONFIG_STORE_{name}": value for name, value in remote.items()}

    def purge(place: str) -> Callable[[], object]:
        command = [*rclone, "purge", f"store:{BUCKET}/{place}"]
        return lambda: subprocess.run(command, env={**environment, **settings}, capture_output=True)

    def contestant(name: str, argv: list[str], prepare: Callable[[], object]) -> Contestant:
        return Contestant(name, argv, prepare, {**environment, **settings})

    def forget() -> None:
        shutil.rmtree(target, ignore_errors=True)

    move = [sys.executable, str(HERE / "move_blobs.py")]
    sending = [
        contestant("nfsroot, to the server", [*move, "send", str(files), ours], purge("ours")),
        contestant("rclone, to the server", [*rclone, "copy", str(files), theirs], purge("theirs")),
    ]
    fetching = [
        contestant("nfsroot, from the server", [*move, "fetch", str(files), ours, str(target)], forget),
        contestant("rclone, from the server", [*rclone, "copy", theirs, str(target)], forget),
    ]
    return contest(sending, rounds, room / "log"), contest(fetching, rounds, room / "log")


if __name__ == "__main__":
    main()
