"""What a site's servers are told of several releases and clusters."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from made_sites import asked, in_cluster, serving, unpack

from builder.recipe.models import Recipe
from builder.settings.exports import GANESHA_IDS
from builder.settings.release import ReleaseSettings
from builder.settings.texts import renderers
from builder.site.composition import DHCPD_CONF, Composition, Surroundings, compose
from builder.site.errors import RefusedError
from builder.site.options import Options, read_options
from builder.site.places import Places
from builder.site.records import read_records
from builder.site.state import SiteState

KEA_CONF = "etc/kea/kea-dhcp4.conf"
DNSMASQ_CONF = "etc/dnsmasq.d/nfsroot-dhcp.conf"


@pytest.fixture
def blue(debian: Recipe) -> ReleaseSettings:
    """A release for the cluster 10.1.0.0/24."""
    return in_cluster(asked(debian), "blue", 1)


@pytest.fixture
def green(debian: Recipe) -> ReleaseSettings:
    """A release for the cluster 10.2.0.0/24."""
    return in_cluster(asked(debian), "green", 2)


def composed(directory: Path, *releases: ReleaseSettings, state: SiteState | None = None, **values: Any) -> Composition:
    """What is composed of unpacked releases, all of which are served unless another state is given."""
    for number, release in enumerate(releases):
        unpack(Places(directory), release, number + 1)
    return compose(serving(*releases) if state is None else state, read_records(Places(directory)), **values)


def code(text: str) -> list[str]:
    """The lines that are neither empty nor comments, without indentation."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def test_one_recipe_has_the_settings_of_its_bundle(debian: Recipe, tmp_path: Path) -> None:
    """What install.sh of a release's bundle has installed is what the site composes for it."""
    release = asked(debian)
    texts = renderers([release])
    found = composed(tmp_path, release)
    assert {path for path in found.files if not path.startswith("etc/exports.d/")} < texts.keys()
    assert all(text == texts[path]() for path, text in found.files.items() if path in texts)
    assert found.blocks == {"etc/hosts": texts["etc/hosts.nfsroot"]()}


def test_dhcpd_knows_each_network_and_the_nodes_of_each_recipe(
    blue: ReleaseSettings, green: ReleaseSettings, tmp_path: Path
) -> None:
    """Of two clusters every option stands with the nodes that it is for, and comments say whose they are."""
    text = composed(tmp_path, blue, green).files[DHCPD_CONF]
    assert text.startswith(
        "# Settings for the servers of cluster cluster-blue, made by nfsroot.\n"
        "# Settings for the servers of cluster cluster-green, made by nfsroot.\n"
    )
    top, *groups = "\n".join(code(text)).split("group {\n")
    assert top.splitlines() == [
        "option grub-menu code 150 = string;",
        *("subnet 10.1.0.0 netmask 255.255.255.0 {", "deny unknown-clients;", "deny bootp;", "}"),
        *("subnet 10.2.0.0 netmask 255.255.255.0 {", "deny unknown-clients;", "deny bootp;", "}"),
    ]
    for name, number, group in (("blue", 1, groups[0]), ("green", 2, groups[1])):
        assert f"# Recipe {name}, cluster cluster-{name}.\ngroup {{\n" in text
        assert group.splitlines()[:10] == [
            "option dhcp-max-message-size 2048;",
            "use-host-decl-names on;",
            "deny unknown-clients;",
            "deny bootp;",
            f'option domain-name "{name}.example";',
            f"option domain-name-servers 10.{number}.0.1;",
            f"option routers 10.{number}.0.1;",
            f"option broadcast-address 10.{number}.0.255;",
            f"next-server 10.{number}.0.1;",
            f'option root-path "/NFSROOT/{name}";',
        ]
        assert re.findall(r"host (\S+)", group) == [f"{name}1", f"{name}2"]


def test_dhcpd_leaves_out_networks_that_others_declare(
    blue: ReleaseSettings, green: ReleaseSettings, tmp_path: Path
) -> None:
    """In a file with somebody else's declarations the site has a block, without a subnet that is there already."""
    around = Surroundings(shares_dhcpd_conf=True, declared=(blue.dhcp.subnet,))
    found = composed(tmp_path, blue, green, surroundings=around)
    assert DHCPD_CONF not in found.files
    assert "etc/default/isc-dhcp-server" not in found.files
    assert re.findall(r"^subnet (\S+)", found.blocks[DHCPD_CONF], re.MULTILINE) == ["10.2.0.0"]


def test_dhcpd_listens_where_relays_send(blue: ReleaseSettings, debian: Recipe, tmp_path: Path) -> None:
    """An address of the server in no cluster's network is declared, or dhcpd would not listen there."""
    far = in_cluster(asked(debian), "far", 3, server=IPv4Address("10.9.0.1"))
    text = composed(tmp_path, blue, far).files[DHCPD_CONF]
    assert "subnet 10.9.0.1 netmask 255.255.255.255 { }" in code(text)
    assert "subnet 10.1.0.1 " not in text


def test_kea_keeps_options_to_networks_and_recipes(
    blue: ReleaseSettings, green: ReleaseSettings, tmp_path: Path
) -> None:
    """Networks have their own options, and reservations a class of their recipe with its root and loaders."""
    text = composed(tmp_path, blue, green, options=Options({"dhcp": "kea"})).files[KEA_CONF]
    said = json.loads("".join(line for line in text.splitlines() if not line.startswith("#")))["Dhcp4"]
    assert [(each["id"], each["subnet"], each["next-server"]) for each in said["subnet4"]] == [
        (1, "10.1.0.0/24", "10.1.0.1"),
        (2, "10.2.0.0/24", "10.2.0.1"),
    ]
    assert "option-data" not in said
    assert [each["name"] for each in said["client-classes"]] == [
        "DROP",
        *("recipe-blue", "bios-of-blue", "uefi-x64-of-blue"),
        *("recipe-green", "bios-of-green", "uefi-x64-of-green"),
    ]
    assert said["client-classes"][2]["test"] == (
        "member('recipe-blue') and (not option[93].exists or option[93].hex == 0x0000)"
    )
    assert [each["client-classes"] for each in said["reservations"]] == [["recipe-blue"]] * 2 + [["recipe-green"]] * 2
    assert said["subnet4"][0]["user-context"] == {"comment": "cluster-blue, recipe blue"}


def test_dnsmasq_tags_what_is_a_networks_and_a_recipes(
    blue: ReleaseSettings, green: ReleaseSettings, tmp_path: Path
) -> None:
    """No option without a tag says anything of one cluster to nodes of another one."""
    text = composed(tmp_path, blue, green, options=Options({"dhcp": "dnsmasq"})).files[DNSMASQ_CONF]
    lines = code(text)
    assert "dhcp-range=set:network-2,10.2.0.0,static,255.255.255.0,10.2.0.255" in lines
    assert "domain=green.example,10.2.0.0/24" in lines
    assert "dhcp-boot=tag:recipe-green,tag:uefi-x64-of-green,/shimx64.efi,,10.2.0.1" in lines
    assert "dhcp-host=52:54:00:02:00:01,set:recipe-green,10.2.0.11,green1.green.example" in lines
    options = [line for line in lines if line.startswith(("dhcp-option", "dhcp-boot"))]
    assert [line for line in options if "=tag:" not in line] == []


def test_each_server_that_nodes_load_from_serves_all(
    blue: ReleaseSettings, green: ReleaseSettings, tmp_path: Path
) -> None:
    """nginx has a server for each address with the networks of its nodes, TFTP serves at all addresses."""
    blue, green = (replace(each, programs={**each.programs, "http": "nginx"}) for each in (blue, green))
    files = composed(tmp_path, blue, green).files
    lines = code(files["etc/nginx/conf.d/nfsroot.conf"])
    assert [line for line in lines if line.startswith(("listen", "allow", "deny all"))] == [
        *("listen 10.1.0.1:80;", "allow 10.1.0.0/24;", "deny all;"),
        *("listen 10.2.0.1:80;", "allow 10.2.0.0/24;", "deny all;"),
    ]
    assert 'TFTP_ADDRESS="0.0.0.0:69"' in files["etc/default/tftpd-hpa"]


def test_sizes_are_for_the_nodes_of_all_clusters(debian: Recipe, tmp_path: Path) -> None:
    """Two clusters of 50 nodes need more than Debian's defaults, which do for 64."""
    fifty = [in_cluster(asked(debian), name, number, 50) for number, name in enumerate(("blue", "green"), 1)]
    assert "etc/sysctl.d/60-nfsroot.conf" not in composed(tmp_path / "one", fifty[0]).files
    files = composed(tmp_path / "two", *fifty).files
    assert "up to 128 nodes" in files["etc/sysctl.d/60-nfsroot.conf"]
    assert "threads = 16" in files["etc/nfs.conf.d/nfsroot.conf"]


def test_exports_are_those_of_all_unpacked_releases(blue: ReleaseSettings, tmp_path: Path) -> None:
    """Nodes that run an older release keep their root; settings are those of the release that all nodes boot."""
    older = replace(blue, version="0.9", exports=tuple(e._replace(path="/NFSROOT/blue/0.9") for e in blue.exports))
    newer = replace(older, version="1.1", exports=tuple(e._replace(path="/NFSROOT/blue/1.1") for e in blue.exports))
    named = [replace(each, exports=tuple(_own(e) for e in each.exports)) for each in (older, blue, newer)]
    files = composed(tmp_path, *named, state=serving(blue)).files
    paths = [path for path in files if path.startswith("etc/exports.d/blue-")]
    assert paths == [f"etc/exports.d/blue-{version}.exports" for version in ("0.9", "1.0", "1.1")]
    assert all(f"/NFSROOT/blue/{Path(path).stem.removeprefix('blue-')} " in files[path] for path in paths)


def _own(export: Any) -> Any:
    """The export with an fsid of its path."""
    import uuid

    return export._replace(fsid=uuid.uuid5(uuid.NAMESPACE_URL, export.path))


def test_ganesha_numbers_are_given_once(blue: ReleaseSettings, green: ReleaseSettings, tmp_path: Path) -> None:
    """Exports whose fsids lead to one number get two, and none that somebody else's export has."""
    number = blue.exports[0].fsid.int % len(GANESHA_IDS)
    same = green.exports[0]._replace(fsid=type(blue.exports[0].fsid)(int=number))
    around = Surroundings(export_ids=frozenset({GANESHA_IDS[number] + 1}))
    both = (blue, replace(green, exports=(same,)))
    found = composed(tmp_path, *both, options=Options({"nfs": "ganesha"}), surroundings=around)
    ours = {f"etc/ganesha/exports.d/{name}-1.0.conf" for name in ("blue", "green")}
    text = "".join(text for path, text in found.files.items() if path in ours)
    assert re.findall(r"Export_Id = (\d+)", text) == [str(GANESHA_IDS[number]), str(GANESHA_IDS[number] + 2)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "mac",
            "the MAC address 52:54:00:01:00:01 has both recipe blue, cluster cluster-blue, node blue1 and recipe green",
        ),
        ("address", "the address 10.1.0.11 has both recipe blue, cluster cluster-blue, node blue1 and recipe green"),
        ("name", "the name blue1 has both recipe blue, cluster cluster-blue, node blue1 and recipe green"),
        (
            "server",
            "recipe green, cluster cluster-green, node green1 has the address 10.1.0.1, which is the server's in",
        ),
        ("path", "/NFSROOT/blue/1.0 is exported by both recipe blue, cluster cluster-blue and recipe green"),
        ("fsid", "exports of recipe blue, cluster cluster-blue and recipe green, cluster cluster-green have one fsid"),
        (
            "gateway",
            "the gateway of 10.1.0.0/24 is 10.1.0.1 in recipe blue, cluster cluster-blue, and 10.1.0.9 in recipe",
        ),
        ("overlap", "the subnets 10.1.0.0/24 of recipe blue, cluster cluster-blue and 10.1.0.0/16 of recipe green"),
    ],
)
def test_contradictions_name_both_places(
    change: str, words: str, blue: ReleaseSettings, green: ReleaseSettings, tmp_path: Path
) -> None:
    """Whatever two recipes claim is refused, with recipe, cluster and node of both."""
    from ipaddress import IPv4Network

    first, *rest = green.nodes
    nodes = {
        "mac": first._replace(mac="52:54:00:01:00:01"),
        "address": first._replace(address=IPv4Address("10.1.0.11")),
        "name": first._replace(name="blue1"),
        "server": first._replace(address=IPv4Address("10.1.0.1")),
    }
    subnet = {"router": IPv4Address("10.1.0.9"), "server": blue.dhcp.server, "broadcast": blue.dhcp.broadcast}
    dhcp = {
        "gateway": green.dhcp._replace(subnet=blue.dhcp.subnet, **subnet),
        "overlap": green.dhcp._replace(subnet=IPv4Network("10.1.0.0/16")),
    }.get(change, green.dhcp._replace(reservations=(nodes.get(change, first), *rest)))
    exports = {
        "path": (green.exports[0]._replace(path=blue.exports[0].path),),
        "fsid": (green.exports[0]._replace(fsid=blue.exports[0].fsid),),
    }.get(change, green.exports)
    with pytest.raises(RefusedError) as refused:
        composed(tmp_path, blue, replace(green, dhcp=dhcp, exports=exports))
    assert words in refused.value.details
    assert refused.value.exit_status == 3


def test_different_programs_for_one_role_need_a_choice(
    blue: ReleaseSettings, green: ReleaseSettings, tmp_path: Path
) -> None:
    """One server runs one DHCP server: the site's own configuration chooses it."""
    other = replace(green, programs={**green.programs, "dhcp": "kea"})
    with pytest.raises(RefusedError, match="recipes choose different dhcp servers") as refused:
        composed(tmp_path, blue, other)
    assert "isc: recipe blue, cluster cluster-blue" in refused.value.details
    assert '[server]\n  dhcp = "isc"' in refused.value.resolution
    assert KEA_CONF in composed(tmp_path / "chosen", blue, other, options=Options({"dhcp": "kea"})).files


def test_a_release_that_is_gone_is_refused(blue: ReleaseSettings, tmp_path: Path) -> None:
    """Nodes cannot boot what is not unpacked."""
    with pytest.raises(RefusedError, match=r"nodes boot blue 1\.0, which is not unpacked"):
        compose(serving(blue), read_records(Places(tmp_path)))


def test_a_server_without_releases_has_no_settings(tmp_path: Path) -> None:
    """Nothing is composed of nothing."""
    found = compose(SiteState(), read_records(Places(tmp_path)))
    assert (found.files, found.blocks, found.programs) == ({}, {}, ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server", "cannot be read"),
        ("server = 1", "server is no table"),
        ('[server]\nntp = "chrony"', "knows no ntp"),
        ('[server]\ndhcp = "udhcpd"', "'udhcpd' is no dhcp server"),
        ("[server]\ndhcp = 1", "1 is no dhcp server"),
    ],
)
def test_mistakes_in_the_sites_configuration_are_said(text: str, words: str, tmp_path: Path) -> None:
    """Each says the file and what may stand there."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nfsroot-site.toml").write_text(text)
    with pytest.raises(Exception, match=re.escape(words)):
        read_options(Places(tmp_path))


def test_nodes_of_the_clusters_that_log_are_in_one_table(
    blue: ReleaseSettings, green: ReleaseSettings, tmp_path: Path
) -> None:
    """rsyslogd serves the cluster whose recipe asks for it, at its address, and drops what the other's nodes send."""
    logging = replace(blue, programs={**blue.programs, "logs": "rsyslog"})
    found = composed(tmp_path, logging, green)
    table = json.loads(found.files["etc/rsyslog.d/nfsroot-nodes.json"])["table"]
    assert [row["index"] for row in table] == [str(node.address) for node in blue.nodes]
    text = found.files["etc/rsyslog.d/nfsroot.conf"]
    assert str(blue.dhcp.server) in text
    assert str(green.dhcp.server) not in text
    assert [program.name for program in found.programs if program.role == "logs"] == ["rsyslog"]
