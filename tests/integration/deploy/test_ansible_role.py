"""The Ansible role nfsroot_site on a bare Debian 12 and 13, where a second run changes nothing."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from bare_debian import made_store
from made_deb import PROJECT

pytestmark = [pytest.mark.container, pytest.mark.full]

PLAYBOOK = """---
- hosts: localhost
  connection: local
  roles:
    - role: nfsroot_site
      vars:
        nfsroot_site_deb: /root/{deb}
        nfsroot_site_servers: [tftpd-hpa]
        nfsroot_site_store: /srv/store
        nfsroot_site_fingerprint: {fingerprint}
        nfsroot_site_releases: [kerrighed@stable]
        nfsroot_site_sync_options: --confirm 15m
"""
RUNS = ("--check", "", "", "--extra-vars nfsroot_site_fingerprint=SHA256:0")
"""What is added to `ansible-playbook`, run after run."""


@dataclass(frozen=True)
class Played:
    """A server in `directory` after all runs, and what each run wrote."""

    directory: Path
    runs: Sequence[str]

    def count(self, run: int, what: str) -> int:
        """How many tasks of a run are of a kind in its recap: ok, changed, failed ..."""
        (found,) = re.findall(rf"^localhost .*\b{what}=(\d+)", self.runs[run], re.MULTILINE)
        return int(found)


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def played(request: pytest.FixtureRequest, deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A server on which the role has run."""
    scratch = tmp_path_factory.mktemp("ansible")
    fingerprint = made_store(scratch / "store", scratch / "publisher")
    (scratch / "play.yml").write_text(PLAYBOOK.format(deb=deb.name, fingerprint=fingerprint))
    play = "cd /root/ansible && SYSTEMD_OFFLINE=1 HOME=/root LC_ALL=C.UTF-8 ansible-playbook play.yml"
    hooks = [
        f"copy-in {deb} {PROJECT / 'deploy/ansible'} {scratch / 'play.yml'} /root",
        f"copy-in {scratch / 'store'} /srv",
        # Ansible looks for roles beside the playbook.
        'mv "$1/root/play.yml" "$1/root/ansible/play.yml"',
    ]
    hooks += [
        f"chroot \"$1\" sh -c '{play} {words} >/root/run-{number} 2>&1 || true'" for number, words in enumerate(RUNS)
    ]
    argv = ["mmdebstrap", "--quiet", "--variant=apt", "--include=ansible-core,python3-apt,systemd"]
    argv += [f"--customize-hook={hook}" for hook in hooks]
    done = subprocess.run([*argv, request.param, scratch / "server"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = [(scratch / f"server/root/run-{number}").read_text(encoding="utf-8") for number in range(len(RUNS))]
    return Played(scratch / "server", runs)


def test_check_mode_changes_nothing(played: Played) -> None:
    """Check mode goes through on a server without the package, and says what a run would change."""
    assert played.count(0, "failed") == 0, played.runs[0]
    assert played.count(0, "changed") > 0
    assert "TASK [nfsroot_site : Copy the package]" in played.runs[1]
    assert re.search(r"Copy the package\] \*+\nchanged", played.runs[1]), "the run before has copied nothing"


def test_first_run_sets_the_server_up(played: Played) -> None:
    """After a run the package is there, the store is trusted, and a timer follows the channel."""
    assert played.count(1, "failed") == 0, played.runs[1]
    assert (played.directory / "usr/bin/nfsroot-site").exists()
    assert (played.directory / "usr/sbin/in.tftpd").exists()
    assert "/srv/store" in (played.directory / "var/lib/nfsroot-site/stores.json").read_text()
    timer = played.directory / "etc/systemd/system/timers.target.wants/nfsroot-site-sync@kerrighed@stable.timer"
    assert timer.is_symlink()
    assert 'SYNC_OPTIONS="--confirm 15m"\n' in (played.directory / "etc/default/nfsroot-site").read_text()


def test_second_run_changes_nothing(played: Played) -> None:
    """The role is idempotent."""
    assert (played.count(2, "changed"), played.count(2, "failed")) == (0, 0), played.runs[2]


def test_fingerprint_is_checked_first(played: Played) -> None:
    """A fingerprint that is none ends the run before anything is done, with the way to get one."""
    assert (played.count(3, "changed"), played.count(3, "failed")) == (0, 1)
    assert "which `nfsroot publish` told its publisher" in " ".join(played.runs[3].split())
