"""The text files of the server bundle."""

from __future__ import annotations

import subprocess
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from layouts import layout_of
from server_recipes import large, statements, texts, with_http, with_server

from builder.recipe.choices import DhcpServer, NfsServer, TftpServer
from builder.recipe.models import Recipe
from builder.server.bundle import render
from builder.settings.exports import reports_export
from builder.settings.programs import programs
from builder.settings.release import FILE as SETTINGS_FILE


@pytest.mark.parametrize("interface", ["", "eth1"])
def test_dhcp_serves_the_clusters_interface_only(debian: Recipe, interface: str) -> None:
    """dhcpd is given the recipe's interface, or else the one that has the server's address (here: loopback's)."""
    recipe = with_server(debian, interface=interface, address=IPv4Address("127.0.0.1"))
    text = texts(render(layout_of(recipe)))["etc/default/isc-dhcp-server"]
    shell = subprocess.run(
        ["sh", "-euc", f'{text}\nprintf %s "$INTERFACESv4"'], check=True, capture_output=True, text=True
    )
    assert shell.stdout == (interface or "lo")


def test_tftp_serves_the_clusters_address_only(debian: Recipe) -> None:
    """tftpd-hpa serves /srv/tftp, and nothing above it, at the server's address."""
    assert statements(texts(render(layout_of(debian)))["etc/default/tftpd-hpa"]) == [
        'TFTP_USERNAME="tftp"',
        'TFTP_DIRECTORY="/srv/tftp"',
        'TFTP_ADDRESS="192.168.0.1:69"',
        'TFTP_OPTIONS="--secure --ipv4 --retransmit 100000 --verbose"',
    ]


def test_dnsmasq_serves_tftp_below_its_directory(debian: Recipe) -> None:
    """dnsmasq as a TFTP server has the same directory, and answers neither DNS nor DHCP for that."""
    files = texts(render(layout_of(debian)))
    assert statements(files["etc/dnsmasq.d/nfsroot-tftp.conf"]) == [
        "enable-tftp",
        "tftp-root=/srv/tftp",
        "tftp-max=114",
    ]
    assert statements(files["etc/dnsmasq.d/nfsroot.conf"]) == ["port=0", "bind-dynamic", "listen-address=192.168.0.1"]


def test_dnsmasq_serves_the_interface_of_the_recipe(debian: Recipe) -> None:
    """An interface that the recipe names takes the place of the address."""
    lines = statements(texts(render(layout_of(with_server(debian, interface="eth1"))))["etc/dnsmasq.d/nfsroot.conf"])
    assert lines == ["port=0", "bind-dynamic", "interface=eth1"]


@pytest.mark.parametrize("name", ["debian", "kerrighed"])
def test_settings_of_every_program_travel(name: str, request: pytest.FixtureRequest) -> None:
    """Whatever a recipe chooses, its bundle has the settings of every program, and no others."""
    recipe: Recipe = request.getfixturevalue(name)
    state = [f"{name}-nfsroot-state"] if recipe.root.keeps_state else []
    every = programs(f"{recipe.image.name}-1.0", http=False, nfs=True, logs=False, beside=[*state, "nfsroot-reports"])
    known = {path for program in every for path in program.settings}
    other = with_server(recipe, dhcp=DhcpServer.KEA, tftp=TftpServer.DNSMASQ, nfs=NfsServer.GANESHA)
    for server in (recipe, other):
        found = {path for path in texts(render(layout_of(server))) if path.startswith("etc/")}
        assert found - {"etc/hosts.nfsroot"} == known


def test_nginx_serves_what_tftp_serves_to_the_cluster(debian: Recipe) -> None:
    """nginx reads the TFTP directory, at the server's address, for the cluster's subnet, and changes nothing."""
    assert statements(texts(render(layout_of(with_http(debian))))["etc/nginx/conf.d/nfsroot.conf"]) == [
        "server {",
        "listen 192.168.0.1:80;",
        "root /srv/tftp;",
        "autoindex off;",
        "server_tokens off;",
        "allow 192.168.0.0/24;",
        "deny all;",
        "location / {",
        "limit_except GET { deny all; }",
        "}",
        "location = /report {",
        "root /srv/nfsroot/reports/http;",
        "rewrite ^ /$remote_addr break;",
        "limit_except PUT { deny all; }",
        "dav_methods PUT;",
        "client_max_body_size 4k;",
        "access_log off;",
        "}",
        "}",
    ]


def test_reports_are_taken_over_what_the_root_comes_over(debian: Recipe) -> None:
    """The directory of reports is exported to the cluster, as nobody's, unless an HTTP server takes them."""
    over_nfs, over_http = texts(render(layout_of(debian))), texts(render(layout_of(with_http(debian))))
    assert statements(over_nfs["etc/exports.d/nfsroot-reports.exports"]) == [
        "/srv/nfsroot/reports/nfs 192.168.0.0/24(rw,sync,all_squash,anonuid=65534,anongid=65534,no_subtree_check,"
        "fsid=FSID)".replace("FSID", str(reports_export("").fsid))
    ]
    ganesha = over_nfs["etc/ganesha/exports.d/nfsroot-reports.conf"]
    assert "Access_Type = RW; Squash = All_Squash; Anonymous_Uid = 65534; Anonymous_Gid = 65534; }" in ganesha
    assert not [path for path in over_http if "reports" in path]


def test_nginx_is_spoken_of_where_it_is_needed(debian: Recipe) -> None:
    """A bundle says how to install nginx, and to take its own site away, only when its nodes load over HTTP."""
    readme, over_tftp = texts(render(layout_of(with_http(debian))))["README"], texts(render(layout_of(debian)))
    assert "    apt install isc-dhcp-server tftpd-hpa nginx nfs-kernel-server grub-common zstd\n" in readme
    assert "    systemctl status isc-dhcp-server tftpd-hpa nginx nfs-kernel-server\n" in readme
    assert "    rm /etc/nginx/sites-enabled/default\n" in readme
    assert not [path for path, text in over_tftp.items() if "nginx" in path or "nginx" in text]


def test_hosts_names_server_and_nodes(debian: Recipe) -> None:
    """The lines for the server's /etc/hosts have its own name and every node's, with and without domain."""
    lines = statements(texts(render(layout_of(debian)))["etc/hosts.nfsroot"])
    assert lines[0] == "192.168.0.1 nfsserver.mycluster.home nfsserver"
    assert lines[1:] == [f"192.168.0.10{n} ssi{n}.mycluster.home ssi{n}" for n in range(1, 5)]


@pytest.mark.parametrize("name", ["debian", "kerrighed"])
def test_every_file_says_where_it_comes_from(name: str, request: pytest.FixtureRequest) -> None:
    """Tool and release, or the cluster, stand at the top of every file; paths are sorted and distinct."""
    recipe: Recipe = request.getfixturevalue(name)
    files = render(layout_of(recipe))
    release = f"Made by nfsroot 0.1.0 from {recipe.files[0].name}"
    cluster = "# Settings for the servers of cluster mycluster, made by nfsroot.\n"
    for file in files:
        if file.path == SETTINGS_FILE:
            continue  # JSON has no comments; test_server_settings.py reads it
        top = "\n".join(file.content.decode().split("\n\n")[0:2])
        assert (release in top) != (cluster in top), file.path
    paths = [file.path for file in files]
    assert paths == sorted(set(paths))


@pytest.mark.parametrize("name", ["debian", "kerrighed"])
def test_settings_know_no_release(name: str, request: pytest.FixtureRequest) -> None:
    """Another version, kernel and tool change menus, exports and what stands for the release, and no settings."""
    recipe: Recipe = with_http(request.getfixturevalue(name))
    before, after = texts(render(layout_of(recipe))), texts(render(layout_of(recipe, "2.0", "6.13.0-1-amd64", "9.9")))
    different = {path for path in before.keys() & after.keys() if before[path] != after[path]}
    named = {path for path in before.keys() ^ after.keys()}
    assert {path for path in different if not path.startswith("srv/tftp/grub/")} == {
        "README",
        "install.sh",
        "settings.json",
    }
    assert {Path(path).parent.name for path in named} == {"exports.d"}
    assert not [path for path, text in before.items() if "/1.0" in text and path not in different | named]


def test_cluster_is_the_only_network_named(debian: Recipe) -> None:
    """Nothing is exported to everyone."""
    assert "*(" not in "".join(texts(render(layout_of(debian))).values())


def test_readme_has_the_commands_of_this_release(debian: Recipe) -> None:
    """The README's commands name the release's own files and directories."""
    readme = texts(render(layout_of(debian)))["README"]
    assert "-xpf debian-nfsroot-1.0-root.tar.zst -C /NFSROOT/debian-nfsroot/1.0\n" in readme
    assert "tar -xzf debian-nfsroot-1.0-server.tar.gz" in readme
    assert "    ./install.sh --dry-run\n    ./install.sh\n" in readme


def test_readme_speaks_of_the_servers_that_were_chosen(debian: Recipe) -> None:
    """The README's commands are those of the programs that the recipe names, each of them once."""
    usual = texts(render(layout_of(debian)))["README"]
    assert "    apt install isc-dhcp-server tftpd-hpa nfs-kernel-server grub-common zstd\n" in usual
    assert "    rm /etc/exports.d/debian-nfsroot-OLD.exports\n    exportfs -ra\n" in usual
    server = with_server(debian, dhcp=DhcpServer.DNSMASQ, tftp=TftpServer.DNSMASQ, nfs=NfsServer.GANESHA)
    other = texts(render(layout_of(server)))["README"]
    assert "    apt install dnsmasq nfs-ganesha-vfs grub-common zstd\n" in other
    assert "    systemctl status dnsmasq nfs-ganesha\n" in other
    assert "    rm /etc/ganesha/exports.d/debian-nfsroot-OLD.conf\n    systemctl restart nfs-ganesha\n" in other
    assert "exportfs" not in other


def test_ten_thousand_nodes(debian: Recipe) -> None:
    """The bundle of 10,000 nodes has three menus for each, and every node in each server's settings."""
    recipe = large(debian)
    files = texts(render(layout_of(recipe)))
    assert len(files) > 3 * 10_000
    last = recipe.cluster.nodes[-1].mac
    settings = ("etc/dhcp/dhcpd.conf", "etc/kea/kea-dhcp4.conf", "etc/dnsmasq.d/nfsroot-dhcp.conf")
    assert [files[path].count(last) for path in settings] == [1, 1, 1]
