"""Boots a Debian in a directory: its systemd is process 1 of namespaces and a control group of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import uuid
from pathlib import Path

BOOT = """
mount --bind "$1" "$1"
mount --bind "$2" "$1/mnt"
cd "$1"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=0755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=0755 tmpfs dev
for node in 'null 3' 'zero 5' 'full 7' 'random 8' 'urandom 9'; do
  mknod -m 0666 "dev/${node% *}" c 1 "${node#* }"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ip link set lo up
mkdir -p before
pivot_root . before
cd /
umount --lazy /before
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  /lib/systemd/systemd --unit=probe.target --log-target=journal --show-status=no
"""
"""Boot the directory $1, with $2 as /mnt; settings of the kernel stay those of this machine."""

UNITS = {
    "probe.target": "[Unit]\nRequires=basic.target dbus.service probe.service\nAfter=basic.target\n",
    "probe.service": """\
[Unit]
After=basic.target dbus.service
[Service]
Type=oneshot
Environment=HOME=/root
ExecStart=/bin/sh -c "sh -e /mnt/probe >/mnt/out 2>/mnt/err && touch /mnt/done"
ExecStopPost=/bin/systemctl exit 0
""",
}
"""Units that run a script when all that a machine needs is up, and then end the machine."""


def find_cgroups() -> Path | None:
    """The hierarchy of control groups (cgroup2) that this machine has; None where it has none to write to."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, directory, kind, options, *_ = line.split()
        if kind == "cgroup2" and "rw" in options.split(",") and os.access(directory, os.W_OK):
            return Path(directory)
    return None


def run_booted(directory: Path, outside: Path, script: str, seconds: int) -> str:
    """Boot, run a script of the shell with `outside` as /mnt, and return what the script writes.

    The script has to end with success within `seconds`.
    """
    (outside / "probe").write_text(script, encoding="utf-8")
    (outside / "done").unlink(missing_ok=True)
    for name, text in UNITS.items():
        (directory / "etc/systemd/system" / name).write_text(text, encoding="utf-8")
    cgroups = find_cgroups()
    assert cgroups is not None
    group = cgroups / f"nfsroot-{uuid.uuid4()}"
    group.mkdir()
    enter = f'echo $$ > {group}/cgroup.procs; exec "$@"'
    namespaces = ["--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"]
    argv = ["sh", "-ec", enter, "sh", "unshare", *namespaces, "sh", "-ec", BOOT, "sh", str(directory), str(outside)]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False
        )
    finally:
        _remove(group)
    said = {name: (outside / name).read_text() for name in ("out", "err") if (outside / name).exists()}
    assert (outside / "done").exists(), f"{said} {done}"
    return said["out"]


def _remove(group: Path) -> None:
    """End all that is left in a control group, and remove the group."""
    with contextlib.suppress(OSError):
        (group / "cgroup.kill").write_text("1", encoding="ascii")
    subprocess.run(
        ["sh", "-c", 'for _ in 1 2 3 4 5; do find "$0" -depth -type d -exec rmdir {} + && break; sleep 1; done', group],
        capture_output=True,
        check=False,
    )
