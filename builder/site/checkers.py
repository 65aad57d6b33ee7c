"""Checks composed settings with each server's own checker, in a temporary directory, before any file is replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from builder.errors import NfsrootError
from builder.events import Caution, Emit
from builder.settings import kea, nginx, rsyslog
from builder.settings.programs import LOG_NODES, NFS_CONF, RSYSLOG_CONF

DHCPD_CONF = "etc/dhcp/dhcpd.conf"
KEA_CONF = "etc/kea/kea-dhcp4.conf"
DNSMASQ_D = "etc/dnsmasq.d"
NGINX_SITE = "etc/nginx/conf.d/nfsroot.conf"
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


class Check(NamedTuple):
    """A call of a checker: program, arguments, path of the settings that it reads, and text for its standard input."""

    program: str
    arguments: tuple[str, ...]
    reads: str
    stdin: str = ""


def check(root: Path, texts: Mapping[str, str], menus: Mapping[str, str], emit: Emit) -> None:
    """Run each checker over the settings `texts`, by their paths on the server, and over the menus for GRUB 2.

    `root` is the root of the server's file system, which has other settings that a server reads.  A checker that is not
    installed leads to a caution.

    :raises NfsrootError: a checker rejects settings; its own words are in the error.
    """
    with tempfile.TemporaryDirectory(prefix="nfsroot-site-") as name:
        stage = Path(name)
        for path, text in staged(root, texts).items():
            write(stage / path, text)
        for each in checks(stage, texts, menus):
            _run(each, stage, emit)


def staged(root: Path, texts: Mapping[str, str]) -> dict[str, str]:
    """The settings as the checkers read them, by path.

    For dnsmasq, files of others in its directory are added.  Interfaces and addresses that this machine need not have
    are replaced, for nginx and, below another root, for Kea: their checkers refuse unknown ones.
    """
    found = dict(texts)
    if any(path.startswith(f"{DNSMASQ_D}/") for path in texts):
        others = (file for file in (root / DNSMASQ_D).glob("*") if file.is_file())
        found = {
            f"{DNSMASQ_D}/{file.name}": file.read_text(encoding="utf-8", errors="surrogateescape") for file in others
        } | found
    if KEA_CONF in found and root != Path("/"):
        found[KEA_CONF] = kea.listen_everywhere(found[KEA_CONF])
    if NGINX_SITE in found:
        found[NGINX_SITE] = nginx.listen_everywhere(found[NGINX_SITE])
    return found


def checks(stage: Path, texts: Mapping[str, str], menus: Mapping[str, str]) -> Iterator[Check]:
    """Yield the checks of the settings `texts`, which stand below the directory `stage`, and of the menus."""
    if DHCPD_CONF in texts:
        yield Check("dhcpd", ("-4", "-t", "-cf", str(stage / DHCPD_CONF)), DHCPD_CONF)
    if KEA_CONF in texts:
        yield Check("kea-dhcp4", ("-t", str(stage / KEA_CONF)), KEA_CONF)
    if any(path.startswith(f"{DNSMASQ_D}/") for path in texts):
        yield Check("dnsmasq", ("--test", "--conf-file=/dev/null", f"--conf-dir={stage / DNSMASQ_D}"), DNSMASQ_D)
    if NGINX_SITE in texts:
        whole = nginx.complete_configuration(str(stage), str(stage / NGINX_SITE))
        write(stage / "nginx.conf", whole)
        yield Check("nginx", ("-q", "-t", "-c", str(stage / "nginx.conf"), "-p", str(stage)), NGINX_SITE)
    if RSYSLOG_CONF in texts:
        write(stage / RSYSLOG_CONF, rsyslog.nodes_beside(texts[RSYSLOG_CONF], str(stage / LOG_NODES)))
        yield Check("rsyslogd", ("-N1", "-f", str(stage / RSYSLOG_CONF)), RSYSLOG_CONF)
    if NFS_CONF in texts:
        yield Check("nfsconf", ("--file", str(stage / NFS_CONF), "--get", "nfsd", "threads"), NFS_CONF)
    for path in (path for path in texts if path.startswith("etc/default/")):
        yield Check("sh", ("-n", str(stage / path)), path)
    if scripts := [text for name, text in menus.items() if name.endswith(".cfg")]:
        yield Check("grub-script-check", (), "srv/tftp/grub", "\n".join(scripts))


def write(file: Path, text: str) -> None:
    """Write a text into a file, and make its directories."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", errors="surrogateescape")


def _run(check: Check, stage: Path, emit: Emit) -> None:
    """Run a copy of a checker's program: AppArmor lets the original read its own directories only."""
    found = shutil.which(check.program, path=PATH)
    if found is None:
        emit(Caution(f"{check.program} is not installed: /{check.reads} is not checked."))
        return
    copy = stage / "programs" / check.program
    copy.parent.mkdir(exist_ok=True)
    shutil.copy(found, copy)
    done = _call([str(copy), *check.arguments], check.stdin)
    if done.returncode != 0:
        raise NfsrootError(
            f"{check.program} rejects /{check.reads}; nothing was changed",
            details=done.stdout.replace(f"{stage}/", "/").strip(),
            resolution="Where others wrote in the same file, put that right; else report this, with the recipe.",
        )


def _call(argv: Sequence[str], stdin: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": PATH, "LC_ALL": "C.UTF-8", "KEA_LOCKFILE_DIR": "none"}
    return subprocess.run(
        argv,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        env=environment,
        encoding="utf-8",
        errors="surrogateescape",
    )
