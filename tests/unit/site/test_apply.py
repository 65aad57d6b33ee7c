"""The server follows the state: files, then services, and a second time nothing."""

from __future__ import annotations

import errno
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from made_sites import Heard, RecordedServices, asked, in_cluster, serving, unpack

from builder.errors import NfsrootError
from builder.recipe.models import Recipe
from builder.settings.release import ReleaseSettings
from builder.site import apply as applying
from builder.site import journal
from builder.site.errors import RefusedError
from builder.site.places import Places
from builder.site.site import Site
from builder.site.state import SiteState


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A server's file system with an /etc/hosts, and services that write down what they are told."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").write_text("127.0.0.1 localhost\n")
    return Site(Places(tmp_path), RecordedServices())


@pytest.fixture
def first(debian: Recipe, site: Site) -> ReleaseSettings:
    """A release for the cluster 10.1.0.0/24, unpacked."""
    release = in_cluster(asked(debian), "blue", 1)
    unpack(site.places, release)
    return release


@pytest.fixture
def second(debian: Recipe, site: Site) -> ReleaseSettings:
    """A release for the cluster 10.2.0.0/24, unpacked."""
    release = in_cluster(asked(debian), "green", 2)
    unpack(site.places, release, 2)
    return release


def told(site: Site) -> list[str]:
    """What the services were told since the last call."""
    services = site.services
    assert isinstance(services, RecordedServices)
    said, services.told = services.told, []
    return said


def etc(site: Site, path: str) -> str:
    """The text of a file of settings."""
    return (site.places.root / "etc" / path).read_text()


def test_unpacked_releases_are_exported_and_nothing_else(site: Site, first: ReleaseSettings) -> None:
    """Before the first switch the NFS server alone has settings."""
    applying.apply(site, SiteState(), Heard())
    assert first.exports[0].path in etc(site, "exports.d/blue-1.0.exports")
    assert not (site.places.root / "etc/dhcp").exists()
    assert told(site) == ["reload units", "restart nfs-kernel-server", "export"]


def test_services_get_their_settings_in_order(site: Site, first: ReleaseSettings) -> None:
    """Exports come before those who send nodes there."""
    applying.apply(site, serving(first), Heard())
    assert told(site) == [
        "reload units",
        "restart nfs-kernel-server",
        "export",
        "restart tftpd-hpa",
        "restart isc-dhcp-server",
    ]
    assert "10.1.0.11 blue1.blue.example blue1" in etc(site, "hosts")
    assert etc(site, "hosts").startswith("127.0.0.1 localhost\n")


def test_a_second_time_changes_nothing(site: Site, first: ReleaseSettings) -> None:
    """Nothing is written or restarted when all is as it should be."""
    applying.apply(site, serving(first), Heard())
    told(site)
    before = {path: path.stat().st_mtime_ns for path in site.places.root.rglob("*") if path.is_file()}
    heard = Heard()
    applying.apply(site, serving(first), heard)
    assert (told(site), heard.texts) == ([], [])
    assert {path: path.stat().st_mtime_ns for path in site.places.root.rglob("*") if path.is_file()} == before


def test_a_second_cluster_restarts_only_who_learns_of_it(
    site: Site, first: ReleaseSettings, second: ReleaseSettings
) -> None:
    """Two clusters are served together; units do not change."""
    applying.apply(site, serving(first), Heard())
    told(site)
    applying.apply(site, serving(first, second), Heard())
    text = etc(site, "dhcp/dhcpd.conf")
    assert "host blue1 " in text
    assert "host green1 " in text
    assert "restart isc-dhcp-server" in told(site)


def test_a_changed_file_is_a_conflict_and_nothing_is_touched(
    site: Site, first: ReleaseSettings, second: ReleaseSettings
) -> None:
    """Somebody's own line in dhcpd.conf is shown, with what nfsroot wrote and would write; no entry is begun."""
    applying.apply(site, serving(first), Heard())
    conf = site.places.root / "etc/dhcp/dhcpd.conf"
    conf.write_text(conf.read_text() + "# my own line\n")
    hosts = etc(site, "hosts")
    with pytest.raises(RefusedError, match=r"what others wrote: /etc/dhcp/dhcpd\.conf") as refused:
        applying.change(site, ("switch",), serving(first, second), Heard())
    assert "+# my own line" in refused.value.details
    assert "/etc/dhcp/dhcpd.conf, to be changed by nfsroot:" in refused.value.details
    assert "--replace" in refused.value.resolution
    assert etc(site, "hosts") == hosts
    assert journal.read_entries(site.places) == []


def test_a_changed_file_stays_while_nothing_new_is_to_be_written(site: Site, first: ReleaseSettings) -> None:
    """Somebody's own line stands in nobody's way as long as the site would write the same as before."""
    applying.apply(site, serving(first), Heard())
    conf = site.places.root / "etc/dhcp/dhcpd.conf"
    conf.write_text(changed := conf.read_text() + "# my own line\n")
    unpack(site.places, replace(first, version="1.1", exports=()), 2)
    heard = Heard()
    applying.apply(site, serving(first), heard)
    assert (
        "/etc/dhcp/dhcpd.conf was changed by hand, and stays so: nfsroot has nothing new to write there." in heard.texts
    )
    assert conf.read_text() == changed


def test_replace_keeps_what_somebody_wrote(site: Site, first: ReleaseSettings) -> None:
    """With --replace the file is the site's again, and the other one is among the backups."""
    applying.apply(site, serving(first), Heard())
    conf = site.places.root / "etc/dhcp/dhcpd.conf"
    ours = conf.read_text()
    conf.write_text(ours + "# my own line\n")
    applying.apply(site, serving(first), Heard(), replace=True)
    assert conf.read_text() == ours
    (kept,) = site.places.backups.glob("*/etc/dhcp/dhcpd.conf")
    assert kept.read_text().endswith("# my own line\n")


def test_services_learn_what_a_killed_run_wrote(
    site: Site, first: ReleaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is interrupted between files and services leaves it to the next one to restart them."""
    with monkeypatch.context() as patch:
        patch.setattr("builder.site.serving.serve", _fail)
        with pytest.raises(NfsrootError):
            applying.apply(site, serving(first), Heard())
    assert told(site) == []
    applying.apply(site, serving(first), Heard())
    assert "restart isc-dhcp-server" in told(site)


def test_nodes_load_what_their_release_brings(site: Site, first: ReleaseSettings, second: ReleaseSettings) -> None:
    """Loaders are those of the last switch, and menus are there when whoever sends nodes to them is started."""
    state = serving(first, second)
    later = replace(state.of("blue"), switched=2)
    applying.apply(site, state.with_recipe("blue", later), Heard())
    assert (site.places.served / "pxegrub").read_text() == "loader of blue 1.0"
    assert {"blue1", "green2.cfg"} <= {file.name for file in site.places.menus.iterdir()}
    applying.apply(site, serving(second), Heard())
    assert (site.places.served / "pxegrub").read_text() == "loader of green 1.0"
    assert not (site.places.menus / "blue1").exists()


def test_nothing_is_left_when_the_last_recipe_goes(site: Site, first: ReleaseSettings) -> None:
    """All settings, loaders and menus go away, and what was there before comes back."""
    (site.places.root / "etc/default").mkdir()
    debian = 'TFTP_USERNAME="tftp"\nTFTP_DIRECTORY="/srv/tftp"\nTFTP_ADDRESS=":69"\nTFTP_OPTIONS="--secure"\n'
    (site.places.root / "etc/default/tftpd-hpa").write_text(debian)
    journal.change(site.places, ("switch",), serving(first), lambda state: applying.apply(site, state, Heard()))
    told(site)
    shutil.rmtree(site.places.releases)
    applying.change(site, ("remove",), SiteState(), Heard())
    files = {str(file.relative_to(site.places.root)) for file in site.places.root.rglob("*") if file.is_file()}
    kept = {file for file in files if not file.startswith(("var/lib/nfsroot-site", "var/backups"))}
    assert kept == {"etc/hosts", "etc/default/tftpd-hpa"}
    assert etc(site, "hosts") == "127.0.0.1 localhost\n"
    assert etc(site, "default/tftpd-hpa") == debian
    assert told(site) == ["reload units", "stop isc-dhcp-server", "restart tftpd-hpa", "export"]


def test_a_file_that_is_a_mount_of_its_own_is_written_in_place(
    site: Site, first: ReleaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be renamed over a container's /etc/hosts."""
    rename = Path.replace

    def replace_others(self: Path, target: Path) -> Path:
        if Path(target).name == "hosts":
            raise OSError(errno.EBUSY, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace_others)
    inode = (site.places.root / "etc/hosts").stat().st_ino
    applying.apply(site, serving(first), Heard())
    assert "blue1.blue.example" in etc(site, "hosts")
    assert (site.places.root / "etc/hosts").stat().st_ino == inode
    assert sorted(file.name for file in (site.places.root / "etc").iterdir() if file.is_file()) == ["hosts"]


@pytest.mark.parametrize("moment", range(12))
def test_a_run_that_is_killed_at_a_rename_is_finished(
    moment: int, site: Site, first: ReleaseSettings, second: ReleaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever files stand half-way, the next call goes on, sees nobody's hand in them, and tells all services."""
    applying.apply(site, serving(first), Heard())
    told(site)
    rename, left = Path.replace, [moment * 2]

    def replace_some(self: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace_some)
        with pytest.raises(KeyboardInterrupt):
            applying.apply(site, serving(first, second), Heard())
    applying.apply(site, serving(first, second), Heard())
    assert "host green1 " in etc(site, "dhcp/dhcpd.conf")
    assert "green1" in etc(site, "hosts")
    assert {"restart isc-dhcp-server", "restart tftpd-hpa"} <= set(told(site))
    applying.apply(site, serving(first, second), Heard())
    assert told(site) == []


def _fail(*_arguments: object) -> None:
    raise NfsrootError("the machine was switched off")
