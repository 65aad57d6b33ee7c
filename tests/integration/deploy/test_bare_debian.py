"""The package nfsroot-site on a bare Debian 12 and 13, as the how-to "set up a server" goes."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from bare_debian import SERVE, STORE, BareDebian, install, made_store

from builder import __version__

pytestmark = [pytest.mark.container, pytest.mark.full]


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the server sees as /mnt: a store with two releases, the older one in the channel `stable`."""
    return tmp_path_factory.mktemp("outside")


@pytest.fixture(scope="module")
def fingerprint(outside: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The fingerprint of the store in /mnt, which somebody else has published."""
    return made_store(outside / "store", tmp_path_factory.mktemp("publisher"))


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def server(
    request: pytest.FixtureRequest, deb: Path, outside: Path, tmp_path_factory: pytest.TempPathFactory
) -> BareDebian:
    """A bare Debian with the package."""
    directory = tmp_path_factory.mktemp("server") / request.param
    install(deb, request.param, directory)
    return BareDebian(directory, outside)


def test_command_is_there(server: BareDebian) -> None:
    """The command runs with what apt has installed, and tells its version."""
    assert server.write("nfsroot-site --version") == f"nfsroot-site, version {__version__}\n"
    assert server.write("dpkg --audit; nfsroot-site log") == ""


def test_server_gets_no_builder(server: BareDebian) -> None:
    """Nothing that builds or compiles came along."""
    installed = set(server.write("dpkg-query --show --showformat='${Package}\\n'").split())
    builder = re.compile(r"(gcc|g\+\+|cpp)(-\d+)?|make|mmdebstrap|python3-(dev|pip|pydantic)")
    assert sorted(filter(builder.fullmatch, installed)) == []


def test_callers_modules_are_not_imported(server: BareDebian) -> None:
    """Modules in the caller's directory, home and environment have no say."""
    script = """
mkdir -p /tmp/trap && echo 'raise SystemExit("trapped")' >/tmp/trap/click.py
cd /tmp/trap && PYTHONPATH=/tmp/trap nfsroot-site --version
"""
    assert "version" in server.write(script)


def test_first_server(server: BareDebian, fingerprint: str) -> None:
    """Trust, unpack, switch, status, and back: each command of the how-to does what it says there."""
    trust_and_unpack = f"nfsroot-site trust {STORE} {fingerprint}\nnfsroot-site unpack kerrighed@stable"
    done = server.run(f"{SERVE}\n{trust_and_unpack}\nnfsroot-site unpack kerrighed@1.1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{STORE} is trusted")
    tool = server.directory / "NFSROOT/kerrighed/1.0/usr/bin/tool"
    assert tool.stat().st_mode & 0o7777 == 0o4755
    for verb in (
        "switch kerrighed 1.0 --dry-run",
        "switch kerrighed 1.0",
        "switch kerrighed 1.1",
        "rollback kerrighed",
    ):
        done = server.run(f"nfsroot-site {verb}")
        assert done.returncode == 0, done.stderr
    shown = server.run("nfsroot-site status")
    assert re.search(r"^ssi1 +\? +1\.0 ", shown.stdout, re.MULTILINE), shown.stdout
    assert "/NFSROOT/kerrighed/1.0" in (server.directory / "srv/tftp/grub/ssi1").read_text()
    assert len(server.write("nfsroot-site log").splitlines()) == 5


def test_wrong_fingerprint(server: BareDebian) -> None:
    """A store with another fingerprint is refused."""
    done = server.run(f"{SERVE}\nnfsroot-site trust {STORE} SHA256:{'0' * 64}")
    assert done.returncode == 3
    assert "and not the one that you named" in done.stderr


def test_store_in_a_bucket(server: BareDebian) -> None:
    """Buckets need a library that Debian does not have; the message names it."""
    done = server.run(f"nfsroot-site trust s3://bucket/releases SHA256:{'0' * 64}")
    assert done.returncode == 2
    assert "obstore" in done.stderr
    assert "Traceback" not in done.stderr


def test_completion(server: BareDebian) -> None:
    """bash completes verbs with the file of the package."""
    script = """
COMP_WORDS=(nfsroot-site ro) COMP_CWORD=1
. /usr/share/bash-completion/completions/nfsroot-site
_nfsroot_site_completion nfsroot-site
echo "${COMPREPLY[@]}"
"""
    (server.directory / "root/complete").write_text(script)
    assert server.write("bash /root/complete") == "rollback\n"


def test_manual_page(server: BareDebian) -> None:
    """The manual page is where man(1) looks, and tells of each verb."""
    page = gzip.decompress((server.directory / "usr/share/man/man8/nfsroot-site.8.gz").read_bytes()).decode()
    assert ".SS unpack" in page


def test_timers(server: BareDebian) -> None:
    """The timer of trials is enabled, the others are not."""
    wants = server.directory / "etc/systemd/system/timers.target.wants"
    assert [path.name for path in wants.glob("nfsroot-site-*")] == ["nfsroot-site-confirm.timer"]


def test_purge_leaves_no_file_of_the_package(server: BareDebian) -> None:
    """After a purge nothing of the package is left, and what was unpacked is; this test comes last."""
    assert server.run("DEBIAN_FRONTEND=noninteractive dpkg --purge nfsroot-site").returncode == 0
    places = ("usr/share/nfsroot-site", "usr/bin/nfsroot-site", "etc/default/nfsroot-site", "lib/systemd/system")
    left = [path for place in places for path in (server.directory / place, *(server.directory / place).glob("*"))]
    assert [path for path in left if "nfsroot-site" in path.name and path.exists()] == []
    assert (server.directory / "NFSROOT/kerrighed/1.0").is_dir()
