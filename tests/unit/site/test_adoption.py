"""A server that install.sh has set up, or where others have settings of their own, becomes a site and loses nothing."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from layouts import layout_of
from made_sites import Heard, RecordedServices, asked, in_cluster, serving, unpack

from builder.recipe.models import Recipe
from builder.server.bundle import render
from builder.settings.release import ReleaseSettings
from builder.site.apply import apply
from builder.site.errors import RefusedError
from builder.site.places import Places
from builder.site.site import Site
from builder.site.state import SiteState


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A server's file system with an /etc/hosts."""
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    return Site(Places(root), RecordedServices())


@pytest.fixture
def release(debian: Recipe, site: Site, tmp_path: Path) -> ReleaseSettings:
    """A release that install.sh of its bundle has installed on the site's server."""
    bundle = tmp_path / "bundle"
    for file in render(layout_of(debian)):
        target = bundle / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [bundle / "install.sh", "--root", site.places.root], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return asked(debian)


def contents(site: Site) -> dict[str, bytes]:
    """Every file of the server but the site's own data."""
    root = site.places.root
    files = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return {path: data for path, data in files.items() if not path.startswith("var/lib/nfsroot-site")}


def test_what_install_sh_installed_is_taken_over_as_it_is(site: Site, release: ReleaseSettings) -> None:
    """The same release unpacked and switched to changes no settings, and the menus of before stay a generation."""
    before = contents(site)
    generation = site.places.menus.readlink().name
    record = unpack(site.places, release)
    heard = Heard()
    apply(site, serving(release), heard)
    after = contents(site)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert {path for path in changed if path.startswith("etc/")} == set()
    assert (site.places.generations / generation / "ssi1").is_file()
    assert record.menus["ssi1"].splitlines()[2:] == (site.places.menus / "ssi1").read_text().splitlines()[2:]
    services = site.services
    assert isinstance(services, RecordedServices)
    assert {word.split()[0] for word in services.told} <= {"restart", "export"}, "nothing ran, so that it is started"
    apply(site, serving(replace(release)), heard)
    assert [text for text in heard.texts if "Installed /etc" in text or "Replaced" in text] == []


def test_settings_of_an_older_bundle_are_replaced_and_kept(site: Site, release: ReleaseSettings) -> None:
    """Files with nfsroot's header are nfsroot's, also when the cluster has changed since; a copy is kept."""
    conf = site.places.root / "etc/dhcp/dhcpd.conf"
    conf.write_text(older := conf.read_text().replace("ssi1", "old1"))
    unpack(site.places, release)
    apply(site, serving(release), Heard())
    assert "ssi1" in conf.read_text()
    (kept,) = site.places.backups.glob("*/etc/dhcp/dhcpd.conf")
    assert kept.read_text() == older


def test_exports_of_releases_unpacked_by_hand_stay(site: Site, release: ReleaseSettings) -> None:
    """An export that belongs to no record is left alone, and said; nodes may run from it."""
    older = site.places.root / "etc/exports.d/debian-nfsroot-0.9.exports"
    older.write_text(
        text := "# Made by nfsroot 0.1.0 from debian-nfsroot.toml\n/NFSROOT/debian-nfsroot/0.9 10.0.0.0/8(ro)\n"
    )
    unpack(site.places, release)
    heard = Heard()
    apply(site, serving(release), heard)
    assert older.read_text() == text
    assert f"{older} stays: it exports a release that was not unpacked by nfsroot-site." in heard.texts


def test_debians_examples_are_nobodys(site: Site, debian: Recipe) -> None:
    """What dpkg knows as a package's own file is replaced without a question."""
    root = site.places.root
    example = '# dhcpd.conf\n#\n# Sample configuration file for ISC dhcpd\noption domain-name "example.org";\n'
    (root / "etc/dhcp").mkdir()
    (root / "etc/dhcp/dhcpd.conf").write_text(example)
    digest = hashlib.md5(example.encode(), usedforsecurity=False).hexdigest()
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(f"Package: isc-dhcp-server\nConffiles:\n /etc/dhcp/dhcpd.conf {digest}\n")
    release = in_cluster(asked(debian), "blue", 1)
    unpack(site.places, release)
    apply(site, serving(release), Heard())
    assert "example.org" not in (root / "etc/dhcp/dhcpd.conf").read_text()


@pytest.mark.parametrize(("program", "path"), [("kea", "etc/kea/kea-dhcp4.conf"), ("isc", "etc/default/tftpd-hpa")])
def test_somebodys_own_file_is_shown_and_stays(program: str, path: str, site: Site, debian: Recipe) -> None:
    """A file that cannot be shared is refused, with a difference between it and what would be there."""
    file = site.places.root / path
    file.parent.mkdir(parents=True)
    file.write_text("# my own\n")
    release = in_cluster(asked(debian), "blue", 1)
    unpack(site.places, replace(release, programs={**release.programs, "dhcp": program}))
    with pytest.raises(RefusedError, match="nfsroot would replace what others wrote") as refused:
        apply(site, serving(release), Heard())
    assert f"/{path}, which nfsroot did not write:" in refused.value.details
    assert "-# my own" in refused.value.details
    assert contents(site) == {path: b"# my own\n", "etc/hosts": b"127.0.0.1 localhost\n"}


def test_blocks_go_and_others_words_stay(site: Site, debian: Recipe) -> None:
    """In dhcpd.conf and /etc/hosts of others only the site's block changes; in the end it is gone."""
    root = site.places.root
    (root / "etc/dhcp").mkdir()
    own = "subnet 10.9.9.0 netmask 255.255.255.0 {\n  range 10.9.9.10 10.9.9.20;\n}\n"
    (root / "etc/dhcp/dhcpd.conf").write_text(own)
    release = in_cluster(asked(debian), "blue", 1)
    unpack(site.places, release)
    apply(site, serving(release), Heard())
    conf = (root / "etc/dhcp/dhcpd.conf").read_text()
    assert conf.startswith(f"{own}# BEGIN nfsroot\n")
    (root / "etc/dhcp/dhcpd.conf").write_text(conf + "# added later\n")
    apply(site, serving(release), Heard())
    apply(site, SiteState(), Heard())
    assert (root / "etc/dhcp/dhcpd.conf").read_text() == f"{own}# added later\n"
    assert (root / "etc/hosts").read_text() == "127.0.0.1 localhost\n"


def test_a_changed_block_is_a_conflict(site: Site, debian: Recipe) -> None:
    """What somebody wrote into the site's block of /etc/hosts is not lost."""
    blue, green = (in_cluster(asked(debian), name, number) for number, name in enumerate(("blue", "green"), 1))
    for release in (blue, green):
        unpack(site.places, release)
    apply(site, serving(blue), Heard())
    hosts = site.places.root / "etc/hosts"
    hosts.write_text(changed := hosts.read_text().replace("# END nfsroot", "10.1.0.77 printer\n# END nfsroot"))
    with pytest.raises(RefusedError, match="/etc/hosts") as refused:
        apply(site, serving(blue, green), Heard())
    assert "+10.1.0.77 printer" in refused.value.details
    assert hosts.read_text() == changed


def test_nginx_gets_connections_for_all_nodes(site: Site, debian: Recipe) -> None:
    """The number in nginx's own settings is raised where it is too small; all else there stays, and so does a copy."""
    file = site.places.root / "etc/nginx/nginx.conf"
    file.parent.mkdir()
    file.write_text("user www-data;\nevents {\n    worker_connections 768;\n}\n")
    release = in_cluster(asked(debian), "blue", 1, 600)
    release = replace(release, programs={**release.programs, "http": "nginx"})
    unpack(site.places, release)
    for _ in range(2):
        apply(site, serving(release), Heard())
        assert file.read_text() == "user www-data;\nevents {\n    worker_connections 2048;\n}\n"
    (kept,) = site.places.backups.glob("*/etc/nginx/nginx.conf")
    assert "768" in kept.read_text()
