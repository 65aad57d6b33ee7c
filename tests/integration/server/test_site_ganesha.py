"""A real nfs-ganesha forgets an export when the site asks it over D-Bus."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from made_sites import asked, in_cluster, serving, unpack

from builder.errors import NfsrootError
from builder.events import Event
from builder.lab.machine.namespace import Namespace, create_namespace
from builder.lab.server.namespace_server import SCRIPTS
from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.site.apply import apply
from builder.site.options import FILE as OPTIONS_FILE
from builder.site.places import Places
from builder.site.services import NoServices
from builder.site.site import Site
from builder.site.strangers import EXPORT_ID

pytestmark = pytest.mark.server

PROJECT = Path(__file__).parents[3]
POLICY = Path("/etc/dbus-1/system.d/nfs-ganesha-dbus.conf")
SHOW = ("dbus-send", "--system", "--print-reply", "--dest=org.ganesha.nfsd", "/org/ganesha/nfsd/ExportMgr")
DROP = "import sys; from builder.site.services import Systemd; sys.exit(not Systemd().drop_exports([int(sys.argv[1])]))"


def exports(inside: Namespace) -> str:
    """What ganesha says that it exports."""
    said: list[str] = []
    inside.run([*SHOW, "org.ganesha.nfsd.exportmgr.ShowExports"], said.append)
    return "\n".join(said)


def test_a_removed_export_is_forgotten(tmp_path: Path) -> None:
    """One of two releases goes; the other one is exported as before, by the same process."""
    debian = asked(load("debian-nfsroot", SearchPath.default(PROJECT)))
    site = Site(Places(tmp_path), NoServices())
    (tmp_path / "etc/dbus-1/system.d").mkdir(parents=True)
    (tmp_path / "etc/dbus-1/system.d" / POLICY.name).write_bytes(POLICY.read_bytes())
    (tmp_path / OPTIONS_FILE.lstrip("/")).write_text('[server]\nnfs = "ganesha"\n')
    both = [
        in_cluster(replace(debian, nfs_version=4), name, number) for number, name in enumerate(("blue", "green"), 1)
    ]
    for release in both:
        unpack(site.places, release)
        (tmp_path / release.exports[0].path.lstrip("/")).mkdir(parents=True)
    apply(site, serving(*both), _ignore)
    (number,) = EXPORT_ID.findall((tmp_path / "etc/ganesha/exports.d/blue-1.0.conf").read_text())
    own = {Path(sys.prefix), Path(sys.base_prefix), PROJECT}
    with create_namespace(
        "server", {"/files": tmp_path, **{str(path): path for path in own}}, ["/var", "/NFSROOT"]
    ) as inside:
        inside.run(["ip", "link", "set", "lo", "up"])
        inside.run(["mkdir", "-p", "/run/dbus", "/var/lib/nfs/ganesha"])
        inside.run(["cp", "-a", "/files/.", "/"])
        inside.run(["ln", "-s", "../run", "/var/run"])
        inside.run(["dbus-daemon", "--system", "--fork"])
        inside.start(["sh", "-euc", SCRIPTS["nfs-ganesha"]], tmp_path / "log")
        _await(inside, tmp_path / "log")
        assert "/NFSROOT/blue/1.0" in exports(inside)
        inside.run([sys.executable, "-c", DROP, number])
        after = exports(inside)
    assert "/NFSROOT/blue/1.0" not in after
    assert "/NFSROOT/green/1.0" in after


def _await(inside: Namespace, log: Path) -> None:
    """Wait until ganesha answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            if "/NFSROOT/green/1.0" in exports(inside):
                return
        except NfsrootError as error:
            last = error
        assert time.monotonic() < deadline, f"{last}\n{log.read_text()[-3000:]}"
        time.sleep(0.5)


def _ignore(_event: Event) -> None:
    """Say nothing."""
