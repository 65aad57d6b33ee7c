"""A bare Debian on which the package nfsroot-site was installed by apt, in a directory."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from made_deb import PROJECT

ENTER = """
mount --bind "$1" "$1"
mount --bind "$2" "$1/mnt"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
ip link set lo up
exec chroot "$1" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 sh -ec "$3" sh
"""
"""Run a script in the directory $1, with a root that bwrap(1) can leave (pivot_root(2)), and $2 as /mnt."""

SERVE = """
python3 -m http.server --bind 127.0.0.1 --directory /mnt 8000 >/dev/null 2>&1 &
server=$!
trap 'kill $server' EXIT
until python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8000))' 2>/dev/null; do sleep 0.1; done
"""
STORE = "http://127.0.0.1:8000/store"
"""The address at which SERVE serves the store in /mnt."""


@dataclass(frozen=True)
class BareDebian:
    """Debian in `directory`; its processes see the directory `outside` as /mnt, and no network."""

    directory: Path
    outside: Path

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the shell, which ends at its first command that fails."""
        argv = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-ec", ENTER, "sh"]
        argv += [str(self.directory), str(self.outside), script]
        return subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", check=False)

    def write(self, script: str) -> str:
        """What a script writes that succeeds and says nothing on standard error."""
        done = self.run(script)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        return done.stdout


def install(deb: Path, suite: str, directory: Path, *packages: str) -> None:
    """Bootstrap a suite with apt, what is essential and `packages`; have apt install the package as the how-to says."""
    command = f"cd /root && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ./{deb.name}"
    hooks = (f"copy-in {deb} /root", f"chroot \"$1\" sh -c '{command}'")
    argv = ["mmdebstrap", "--quiet", "--variant=apt", *(f"--include={package}" for package in packages)]
    argv += [*(f"--customize-hook={hook}" for hook in hooks), suite, str(directory)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def made_store(store: Path, home: Path) -> str:
    """Publish two small releases, 1.0 in the channel `stable` and 1.1, and give the fingerprint of the store.

    The publisher has the home directory `home`: keys and trust of whoever runs the tests are not touched.
    """
    variables = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    argv = [sys.executable, Path(__file__).with_name("publish_releases.py"), store, home]
    env = {**variables, "HOME": str(home), "PYTHONPATH": str(PROJECT / "tests")}
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout.strip()
