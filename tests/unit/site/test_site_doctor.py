"""The examination of a site names each thing that is wrong, and how to put it right."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_sites import Heard, RecordedServices, asked, in_cluster, serving, unpack

from builder.recipe.models import Recipe
from builder.settings.release import ReleaseSettings
from builder.site import apply as applying
from builder.site import doctor, journal
from builder.site.doctor import examine
from builder.site.places import Places
from builder.site.site import Site
from builder.site.state import SiteState


class Absent(RecordedServices):
    """Services of which none is installed."""

    def is_installed(self, service: str) -> bool:
        """No service is there."""
        return not service


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A server's file system with an /etc/hosts, and services that write down what they are told."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").write_text("127.0.0.1 localhost\n")
    return Site(Places(tmp_path), RecordedServices())


@pytest.fixture
def release(debian: Recipe, site: Site) -> ReleaseSettings:
    """A release that is unpacked, and that all nodes boot."""
    made = in_cluster(asked(debian), "blue", 1)
    unpack(site.places, made)
    applying.change(site, ("switch",), serving(made), Heard())
    return made


def texts(site: Site) -> list[str]:
    """The sentences of all findings."""
    return [finding.text for finding in examine(site)]


def test_a_new_server_is_well(site: Site) -> None:
    """Where nothing is unpacked, nothing is wrong."""
    assert examine(site) == []


def test_a_server_that_serves_is_well(site: Site, release: ReleaseSettings) -> None:
    """After a switch, all that the release asks for is there and runs."""
    assert release.nodes
    assert [finding.text for finding in examine(site) if finding.is_fault] == []


@pytest.mark.parametrize("tool", doctor.TOOLS)
def test_a_missing_tool_is_named(site: Site, monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    """Without a program that unpacks, the package to install is named."""
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None if name == tool else f"/usr/bin/{name}")
    (finding,) = examine(site)
    assert tool in finding.text
    assert finding.fix == f"apt install {doctor.TOOLS[tool]}"


def test_services_that_do_not_run_are_named(site: Site, release: ReleaseSettings) -> None:
    """Each server that stopped is named with its role."""
    assert isinstance(site.services, RecordedServices)
    site.services.running.clear()
    assert "isc-dhcp-server, which is to serve dhcp, does not run" in texts(site)
    assert len(texts(site)) >= len(release.programs)


def test_a_server_that_is_not_installed_is_named(site: Site, release: ReleaseSettings) -> None:
    """The package that brings a missing server is named."""
    found = examine(Site(site.places, Absent()))
    assert "apt install isc-dhcp-server" in [finding.fix for finding in found]
    assert len(found) >= len(release.programs)


def test_a_deaf_server_is_named(site: Site, release: ReleaseSettings) -> None:
    """A service that runs, and whose program does not listen, is a fault."""
    assert isinstance(site.services, RecordedServices)
    assert "dhcp" in release.programs
    site.services.on_ports[67] = set()
    assert "isc-dhcp-server runs, and nobody listens on udp port 67" in texts(site)


def test_settings_that_are_missing_or_changed_are_named(site: Site, release: ReleaseSettings) -> None:
    """A file that somebody removed is named, and so is one that somebody changed by hand."""
    assert release.name
    conf = site.places.root / "etc/dhcp/dhcpd.conf"
    written = conf.read_text()
    conf.unlink()
    assert "/etc/dhcp/dhcpd.conf is not what the state of this site asks for" in texts(site)
    conf.write_text(written)
    assert [text for text in texts(site) if "dhcpd.conf" in text] == []


def test_an_interrupted_change_is_named(site: Site, release: ReleaseSettings) -> None:
    """A change without an end is a fault that the next verb ends."""
    assert release.name

    def fail(_state: SiteState) -> None:
        raise OSError("killed")

    with pytest.raises(OSError, match="killed"):
        journal.change(site.places, ("switch", "x"), SiteState(), fail)
    assert [text for text in texts(site) if "was interrupted" in text]


def test_exports_that_share_a_file_system_are_a_caution(site: Site) -> None:
    """A tree that nodes may only read, beside one that they may write to, is no fault."""
    exports = site.places.root / "etc/exports.d/x.exports"
    exports.parent.mkdir(parents=True)
    exports.write_text(
        "# Made by nfsroot\n/ro 10.0.0.0/8(ro,async,no_root_squash,no_subtree_check)\n"
        "/rw 10.0.0.0/8(rw,sync,no_root_squash,no_subtree_check)\n"
    )
    for name in ("ro", "rw"):
        (site.places.root / name).mkdir()
    (finding,) = examine(site)
    assert not finding.is_fault
    assert "root of a node can write to /ro" in finding.text
