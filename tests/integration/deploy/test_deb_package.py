"""The Debian package nfsroot-site: what Debian's own tools say of it."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from made_deb import make_deb

from builder import __version__
from builder.cli.site import VERBS
from builder.site.state import Serving, SiteState, Trial

UNITS = "usr/lib/systemd/system", "lib/systemd/system"
TRIAL = Trial("1.0", ("ssi1",), deadline=1_800_000_000, boot_id="a", uptime=1.0)


def units(unpacked: Path) -> dict[str, Path]:
    """The units of the package by name."""
    found = [path for directory in UNITS for path in (unpacked / directory).glob("*")]
    return {path.name: path for path in found}


def test_lintian_finds_nothing(deb: Path) -> None:
    """The package keeps to Debian's policy, down to lintian's pedantic remarks."""
    argv = ["lintian", "--allow-root", "--pedantic", "--display-info", "--fail-on", "error,warning,info,pedantic", deb]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_same_checkout_same_bytes(deb: Path, tmp_path: Path) -> None:
    """Another time zone, language, umask and directory change no byte of the package."""
    before = os.umask(0o077)
    try:
        again = make_deb(tmp_path / "other place", TZ="Asia/Tokyo", LC_ALL="C", TMPDIR=str(tmp_path))
    finally:
        os.umask(before)
    assert again.name == deb.name == f"nfsroot-site_{__version__}_all.deb"
    assert again.read_bytes() == deb.read_bytes()


def test_nothing_is_left_of_the_making(tmp_path: Path) -> None:
    """Making the package leaves the package alone behind, and keeps nothing of the machine's in it."""
    made = make_deb(tmp_path / "output", TMPDIR=str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output"]
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    shown = subprocess.run(["dpkg-deb", "--fsys-tarfile", made], capture_output=True, check=True).stdout
    assert str(tmp_path).encode() not in shown


def test_package_fits_a_server(deb: Path, unpacked: Path) -> None:
    """Neither what builds nor what compiles is asked for, and the package stays below a megabyte."""
    argv = ["dpkg-deb", "--field", deb, "Depends", "Recommends"]
    asked = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert not re.search(r"gcc|compiler|mmdebstrap|diskimage|pydantic|qemu|python3-dev", asked)
    assert deb.stat().st_size < 1 << 20
    assert not list(unpacked.rglob("*.so"))
    assert not (unpacked / "usr/share/nfsroot-site/builder/recipe/models.py").exists()


def test_manual_page_is_clean(unpacked: Path, tmp_path: Path) -> None:
    """Neither mandoc nor groff finds a mistake in nfsroot-site(8), which describes each verb."""
    page = tmp_path / "nfsroot-site.8"
    page.write_bytes(gzip.decompress((unpacked / "usr/share/man/man8/nfsroot-site.8.gz").read_bytes()))
    for argv in (
        ["mandoc", "-T", "lint", "-W", "warning", page],
        ["man", "--warnings", "--encoding=UTF-8", "--troff-device=utf8", "--ditroff", "--local-file", page],
    ):
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace")
        assert (done.returncode, done.stderr) == (0, "")
        assert "WARNING" not in done.stdout
    assert all(f".SS {verb}" in page.read_text() for verb in VERBS)


def test_units_are_known_to_systemd(unpacked: Path, tmp_path: Path) -> None:
    """systemd reads every unit of the package without a remark, an instance of the template included."""
    found = units(unpacked)
    assert set(found) == {
        f"nfsroot-site-{name}.{kind}" for name in ("confirm", "status", "sync@") for kind in ("service", "timer")
    }
    for name, path in found.items():
        text = path.read_text().replace("/usr/bin/nfsroot-site", "/bin/true")
        (tmp_path / name.replace("@.", "@kerrighed@stable.")).write_text(text)
    argv = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *sorted(tmp_path.iterdir())]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("trial", "status"), [(TRIAL, 0), (None, 1)])
def test_timer_of_trials_does_nothing_without_one(
    unpacked: Path, tmp_path: Path, trial: Trial | None, status: int
) -> None:
    """The condition of the service that runs each minute holds while there is a trial, and not otherwise."""
    state = SiteState().with_recipe("kerrighed", Serving("0.9", trial=trial))
    file = tmp_path / "state.json"
    file.write_text(json.dumps(state.document()))
    service = units(unpacked)["nfsroot-site-confirm.service"].read_text()
    (condition,) = re.findall(r"^ExecCondition=(.*)$", service, re.MULTILINE)
    argv = condition.replace("/var/lib/nfsroot-site/state.json", str(file)).split()
    assert str(file) in argv
    assert subprocess.run([part.strip('"') for part in argv], check=False).returncode == status
