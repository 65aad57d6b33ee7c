"""The services of a site's machine: started by systemd, by scripts of /etc/init.d, or not at all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from builder.errors import NfsrootError
from builder.site.places import Places
from builder.site.site import Site

THREADS = Path("/proc/fs/nfsd/threads")
"""The number of threads of the kernel's NFS server (nfsd(7))."""
PROCESS = re.compile(r'\("([^"]+)",pid=')
"""The name of a process in the output of ss(8)."""
GANESHA = ("org.ganesha.nfsd", "/org/ganesha/nfsd/ExportMgr", "org.ganesha.nfsd.exportmgr.RemoveExport")


def open_site(places: Places) -> Site:
    """The site at `places`, with the services of this machine; below another root than / no service is touched."""
    if places.root != Path("/"):
        return Site(places, NoServices())
    return Site(places, Systemd() if Path("/run/systemd/system").is_dir() else InitScripts())


class NoServices:
    """The services below another root than /: none runs, and commands do nothing."""

    @property
    def has_own_kernel(self) -> bool:
        """False: the running kernel is another machine's."""
        return False

    def is_installed(self, service: str) -> bool:  # noqa: ARG002
        """False: no service is installed."""
        return False

    def is_active(self, service: str) -> bool:  # noqa: ARG002
        """False: no service runs."""
        return False

    def listeners(self, protocol: str, port: int) -> frozenset[str] | None:  # noqa: ARG002
        """None: nobody can tell which processes listen."""
        return None

    def enable(self, service: str) -> bool:  # noqa: ARG002
        """False: no service is to start with the machine."""
        return False

    def reload_units(self) -> None:
        """Do nothing: there are no units."""

    def restart(self, service: str) -> None:
        """Do nothing: no service is started."""

    def reload(self, service: str) -> None:
        """Do nothing: no service reads settings."""

    def stop(self, service: str) -> None:
        """Do nothing: no service runs."""

    def export_again(self) -> None:
        """Do nothing: nothing is exported."""

    def exported(self) -> frozenset[str]:
        """No paths: nothing is exported."""
        return frozenset()

    def drop_exports(self, ids: Iterable[int]) -> bool:  # noqa: ARG002
        """True: nothing is exported that nfs-ganesha would have to forget."""
        return True

    def set_limits(self, path: str) -> bool:  # noqa: ARG002
        """True, without a change: the running kernel is another machine's."""
        return True

    def set_threads(self, number: int) -> None:
        """Do nothing: the running kernel is another machine's."""


class _Machine(NoServices):
    """Questions and commands to this machine that are the same with systemd and with init scripts."""

    def listeners(self, protocol: str, port: int) -> frozenset[str] | None:
        """The names of the processes that listen on a port, by ss(8), an empty one for the kernel; None without ss."""
        if shutil.which("ss") is None:
            return None
        lines = _ask(["ss", "-Hlnp", f"--{protocol}", f"sport = :{port}"]).stdout.splitlines()
        names = [PROCESS.findall(line) or [""] for line in lines if line.strip()]
        return frozenset(name for found in names for name in found)

    def export_again(self) -> None:
        """Have the kernel's NFS server read its exports again (`exportfs -ra`)."""
        _tell(["exportfs", "-ra"], "the exports are not all in force", "Put right what exportfs says.")

    def exported(self) -> frozenset[str]:
        """The paths that the kernel's NFS server exports (`exportfs -s`)."""
        if shutil.which("exportfs") is None:
            return frozenset()
        return frozenset(line.split()[0] for line in _ask(["exportfs", "-s"]).stdout.splitlines() if line.strip())

    def drop_exports(self, ids: Iterable[int]) -> bool:
        """Have nfs-ganesha forget exports by their Export_Ids (D-Bus, RemoveExport); false when that fails."""
        if shutil.which("dbus-send") is None:
            return False
        name, path, method = GANESHA
        call = ["dbus-send", "--system", "--print-reply", f"--dest={name}", path, method]
        return all(_ask([*call, f"uint16:{number}"]).returncode == 0 for number in ids)

    def set_limits(self, path: str) -> bool:
        """Put the kernel's limits in a file in force (`sysctl --load`); false when not all are."""
        return _ask(["sysctl", "--quiet", f"--load={path}"]).returncode == 0

    def set_threads(self, number: int) -> None:
        """Give the running NFS server of the kernel a number of threads (nfsd(7))."""
        try:
            THREADS.write_text(f"{number}\n", encoding="ascii")
        except OSError as error:
            raise NfsrootError(f"the NFS server does not get {number} threads: {error.strerror}") from error


class Systemd(_Machine):
    """Services that systemd starts (systemctl(1))."""

    @property
    def has_own_kernel(self) -> bool:
        """True: systemd runs on a whole machine, or in a container that its host gave all that it needs."""
        return True

    def is_installed(self, service: str) -> bool:
        """Whether systemd finds the unit of a service (`systemctl cat`)."""
        return _ask(["systemctl", "cat", service]).returncode == 0

    def is_active(self, service: str) -> bool:
        """Whether a service runs (`systemctl is-active`)."""
        return _ask(["systemctl", "is-active", "--quiet", service]).returncode == 0

    def enable(self, service: str) -> bool:
        """Have a service start with the machine (`systemctl enable`); false when it does already."""
        if _ask(["systemctl", "is-enabled", service]).returncode == 0:
            return False
        _tell(["systemctl", "enable", service], f"{service} cannot be enabled")
        return True

    def reload_units(self) -> None:
        """Have systemd read its units again (`systemctl daemon-reload`)."""
        _tell(["systemctl", "daemon-reload"], "systemd does not read its units again")

    def restart(self, service: str) -> None:
        """Start a service, which is stopped first where it runs (`systemctl restart`)."""
        _tell(["systemctl", "restart", service], f"{service} does not start", f"See `journalctl -u {service}`.")

    def reload(self, service: str) -> None:
        """Have a service read its settings again while it serves (`systemctl reload`)."""
        _tell(["systemctl", "reload", service], f"{service} does not read its settings", f"`journalctl -u {service}`")

    def stop(self, service: str) -> None:
        """Stop a service, which then does not start with the machine either (`systemctl disable --now`)."""
        _tell(["systemctl", "disable", "--now", service], f"{service} cannot be stopped")


class InitScripts(_Machine):
    """Services that scripts of /etc/init.d start, as in a container (service(8))."""

    def is_installed(self, service: str) -> bool:
        """Whether /etc/init.d has a script for a service."""
        return os.access(f"/etc/init.d/{service}", os.X_OK)

    def is_active(self, service: str) -> bool:
        """Whether a service runs (`service SERVICE status`)."""
        return self.is_installed(service) and _ask(["service", service, "status"]).returncode == 0

    def restart(self, service: str) -> None:
        """Start a service, which is stopped first where it runs (`service SERVICE restart`)."""
        _tell(["service", service, "restart"], f"{service} does not start")

    def reload(self, service: str) -> None:
        """Have a service read its settings again while it serves (`service SERVICE reload`)."""
        _tell(["service", service, "reload"], f"{service} does not read its settings")

    def stop(self, service: str) -> None:
        """Stop a service (`service SERVICE stop`)."""
        _tell(["service", service, "stop"], f"{service} cannot be stopped")


class _Done(NamedTuple):
    """The exit status of a command, and all that it wrote."""

    returncode: int
    stdout: str


def _ask(argv: Sequence[str]) -> _Done:
    """Run a command that may fail.

    The command writes to a file: a daemon that it starts may keep a pipe open for ever.
    """
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    with tempfile.TemporaryFile() as written:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=written, stderr=subprocess.STDOUT, check=False, env=environment
        )
        written.seek(0)
        return _Done(done.returncode, written.read().decode(errors="replace"))


def _tell(argv: Sequence[str], brief: str, resolution: str = "") -> None:
    """Run a command that has to succeed.

    :raises NfsrootError: the command fails, or is not there.
    """
    try:
        done = _ask(argv)
    except OSError as error:
        raise NfsrootError(f"{argv[0]} cannot be started: {error.strerror}") from error
    if done.returncode != 0:
        raise NfsrootError(brief, details=done.stdout.strip(), resolution=resolution)
