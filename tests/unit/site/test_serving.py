"""Which services learn of which settings, and how."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from made_sites import Heard, RecordedServices, asked, in_cluster, serving, unpack

from builder.errors import NfsrootError
from builder.recipe.models import Recipe
from builder.settings.release import ReleaseSettings
from builder.site import serving as services_of
from builder.site.apply import apply
from builder.site.errors import RefusedError
from builder.site.options import FILE as OPTIONS_FILE
from builder.site.places import Places
from builder.site.site import Site


@pytest.fixture
def services() -> RecordedServices:
    """Services that write down what they are told."""
    return RecordedServices()


@pytest.fixture
def site(tmp_path: Path, services: RecordedServices) -> Site:
    """A site without releases."""
    (tmp_path / "etc").mkdir()
    return Site(Places(tmp_path), services)


@pytest.fixture
def blue(debian: Recipe) -> ReleaseSettings:
    """A release for the cluster 10.1.0.0/24."""
    return in_cluster(asked(debian), "blue", 1)


def choose(site: Site, **programs: str) -> None:
    """Write the site's own configuration."""
    lines = "".join(f'{role} = "{name}"\n' for role, name in programs.items())
    site.places.on_server(OPTIONS_FILE).write_text(f"[server]\n{lines}")


def ganesha(site: Site, services: RecordedServices, blue: ReleaseSettings) -> ReleaseSettings:
    """Two releases that nfs-ganesha exports, of which the second is returned."""
    choose(site, nfs="ganesha")
    exports = tuple(e._replace(path="/NFSROOT/blue/1.1", fsid=type(e.fsid)(int=77)) for e in blue.exports)
    newer = replace(blue, version="1.1", exports=exports)
    unpack(site.places, blue)
    apply(site, serving(blue), Heard())
    services.told.clear()
    return newer


def test_ganesha_reads_new_exports_while_it_serves(
    site: Site, services: RecordedServices, blue: ReleaseSettings
) -> None:
    """A release that is unpacked does not start the NFS server anew."""
    unpack(site.places, ganesha(site, services, blue), 2)
    apply(site, serving(blue), Heard())
    assert services.told == ["reload nfs-ganesha"]


@pytest.mark.parametrize(("has_dbus", "told"), [(True, ["drop 1 exports"]), (False, ["restart nfs-ganesha"])])
def test_ganesha_forgets_exports(
    has_dbus: bool, told: list[str], site: Site, services: RecordedServices, blue: ReleaseSettings
) -> None:
    """A removed export is dropped over D-Bus; without it the server is started anew, and that is said."""
    newer = ganesha(site, services, blue)
    unpack(site.places, newer, 2)
    apply(site, serving(blue), Heard())
    services.told.clear()
    services.has_dbus = has_dbus
    shutil.rmtree(site.places.releases / "blue/1.1")
    heard = Heard()
    apply(site, serving(blue), heard)
    assert services.told == told
    assert any("over D-Bus" in text for text in heard.texts) != has_dbus


def test_nginx_reads_its_settings_while_it_serves(
    site: Site, services: RecordedServices, debian: Recipe, blue: ReleaseSettings
) -> None:
    """A second cluster reloads nginx, which ends no transfer; its first settings start it."""
    green = in_cluster(asked(debian), "green", 2)
    both = [replace(each, programs={**each.programs, "http": "nginx"}) for each in (blue, green)]
    for release in both:
        unpack(site.places, release)
    apply(site, serving(both[0]), Heard())
    assert "restart nginx" in services.told
    services.told.clear()
    apply(site, serving(*both), Heard())
    assert services.told == ["reload nginx", "restart tftpd-hpa", "restart isc-dhcp-server"]


def test_a_cluster_in_a_comment_is_no_news(
    site: Site, services: RecordedServices, debian: Recipe, blue: ReleaseSettings
) -> None:
    """nfs-ganesha is not started anew for a second cluster, whose name stands at the top of its settings."""
    choose(site, nfs="ganesha")
    green = in_cluster(asked(debian), "green", 2)
    for release in (blue, green):
        unpack(site.places, release)
    apply(site, serving(blue), Heard())
    services.told.clear()
    apply(site, serving(blue, green), Heard())
    assert "cluster-green" in (site.places.root / "etc/ganesha/ganesha.conf").read_text()
    assert services.told == ["restart tftpd-hpa", "restart isc-dhcp-server"]


def test_who_does_not_run_is_started(site: Site, services: RecordedServices, blue: ReleaseSettings) -> None:
    """Nothing changed, but a server was stopped."""
    unpack(site.places, blue)
    apply(site, serving(blue), Heard())
    services.told.clear()
    services.running.discard("tftpd-hpa")
    heard = Heard()
    apply(site, serving(blue), heard)
    assert services.told == ["restart tftpd-hpa"]
    assert heard.texts == ["Started tftpd-hpa."]


def test_another_choice_stops_the_server_of_before(
    site: Site, services: RecordedServices, blue: ReleaseSettings
) -> None:
    """When the site chooses Kea, its own dhcpd is stopped first, and dhcpd's settings go away."""
    unpack(site.places, blue)
    apply(site, serving(blue), Heard())
    services.told.clear()
    services.on_ports[67] = {"dhcpd"}
    choose(site, dhcp="kea")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "stop", lambda service: _stop(services, service))
        apply(site, serving(blue), Heard())
    assert services.told[-2:] == ["stop isc-dhcp-server", "restart kea-dhcp4-server"]
    assert not (site.places.root / "etc/dhcp/dhcpd.conf").exists()


def _stop(services: RecordedServices, service: str) -> None:
    """Stop a DHCP server in whose place another one will listen."""
    services.told.append(f"stop {service}")
    services.on_ports[67] = {"kea-dhcp4"}


@pytest.mark.parametrize(
    ("port", "process", "words", "service"),
    [
        (
            67,
            "kea-dhcp4",
            "kea-dhcp4 serves dhcp on this machine (udp port 67), and isc-dhcp-server is to",
            "kea-dhcp4-server",
        ),
        (67, "udhcpd", "udhcpd serves dhcp", "udhcpd"),
        (69, "dnsmasq", "dnsmasq serves tftp", "dnsmasq"),
        (2049, "ganesha.nfsd", "ganesha.nfsd serves nfs", "nfs-ganesha"),
    ],
)
def test_other_servers_are_refused_before_anything_changes(
    port: int, process: str, words: str, service: str, site: Site, services: RecordedServices, blue: ReleaseSettings
) -> None:
    """Whoever listens on a port of the site's is named, with the command that stops it."""
    services.on_ports[port] = {process}
    unpack(site.places, blue)
    with pytest.raises(RefusedError) as refused:
        apply(site, serving(blue), Heard())
    assert words in refused.value.brief
    assert f"systemctl disable --now {service}\n" in refused.value.resolution
    assert list((site.places.root / "etc").iterdir()) == []


def test_a_server_that_does_not_listen_is_said(
    site: Site, services: RecordedServices, blue: ReleaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was started and does not listen in good time fails the command."""
    monkeypatch.setattr(services_of, "PATIENCE", 0.0)
    services.on_ports[69] = set()
    unpack(site.places, blue)
    with pytest.raises(NfsrootError, match="tftpd-hpa was started, but nobody listens on udp port 69"):
        apply(site, serving(blue), Heard())


def test_limits_and_threads_are_set_for_many_nodes(site: Site, services: RecordedServices, debian: Recipe) -> None:
    """The kernel's limits are in force, and its NFS server has threads, without a restart of either."""
    unpack(site.places, large := in_cluster(asked(debian), "blue", 1, 300))
    apply(site, serving(large), Heard())
    assert "limits 60-nfsroot.conf" in services.told
    assert "threads 64" in services.told


def test_a_container_starts_no_nfs_server_of_its_hosts_kernel(
    site: Site, services: RecordedServices, blue: ReleaseSettings
) -> None:
    """What it exports is exported all the same."""
    services.has_own_kernel = False
    unpack(site.places, blue)
    apply(site, serving(blue), Heard())
    assert [word for word in services.told if "nfs" in word] == []
    assert "export" in services.told


LOGGING = {"logs": "rsyslog"}


def test_rsyslog_goes_on_with_the_servers_own_logs(
    site: Site, services: RecordedServices, blue: ReleaseSettings
) -> None:
    """rsyslogd is restarted when the site's settings come, and again when they go, and never stopped."""
    logging = replace(blue, programs={**blue.programs, **LOGGING})
    unpack(site.places, logging)
    apply(site, serving(logging), Heard())
    assert "restart rsyslog" in services.told
    services.told.clear()
    quiet = replace(blue, version="1.1")
    unpack(site.places, quiet)
    apply(site, serving(quiet), Heard())
    assert "restart rsyslog" in services.told
    assert not [told for told in services.told if told.startswith("stop")]
    assert not list(site.places.on_server("/etc/rsyslog.d").glob("*"))
