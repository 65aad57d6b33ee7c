"""The text files of the server bundle."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import uuid
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from builder.files import RenderedFile
from builder.recipe.models import Boot, Node, Recipe, ReleaseFacts, Variant
from builder.server.bundle import exports, render

DHCPD_CONF = "etc/dhcp/dhcpd.conf"


def texts(files: tuple[RenderedFile, ...]) -> dict[str, str]:
    """What is rendered, by path."""
    return {str(file.path): file.content.decode() for file in files}


def statements(text: str) -> list[str]:
    """The lines that are neither empty nor comments, without indentation."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def with_boot(recipe: Recipe, *variants: Variant, uefi: Variant) -> Recipe:
    """The recipe with these boot loaders."""
    return recipe.model_copy(update={"boot": Boot(variants=variants, uefi=uefi)})


def with_cluster(recipe: Recipe, **values: object) -> Recipe:
    """The recipe for a cluster with these values."""
    return recipe.model_copy(update={"cluster": recipe.cluster.model_copy(update=values)})


def large(recipe: Recipe) -> Recipe:
    """The recipe for a cluster of 10,000 nodes."""
    nodes = tuple(
        Node(
            name=f"n{n}", address=IPv4Address("10.0.1.0") + n, mac=f"52:54:00:00:{n >> 8:02x}:{n & 255:02x}", ordinal=n
        )
        for n in range(10_000)
    )
    return with_cluster(
        recipe, nodes=nodes, subnet=IPv4Network("10.0.0.0/16"), broadcast=IPv4Address("10.0.255.255"), gateway=None
    )


def accepted_by_dhcpd(text: str, directory: Path) -> bool:
    """Whether `dhcpd -t` accepts the configuration; AppArmor lets only a copy of it read outside /etc/dhcp."""
    dhcpd = shutil.which("dhcpd", path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert dhcpd, "dhcpd is missing: install isc-dhcp-server"
    copy = shutil.copy(dhcpd, directory)
    (directory / "dhcpd.conf").write_text(text)
    checked = subprocess.run([copy, "-4", "-t", "-cf", directory / "dhcpd.conf"], capture_output=True, text=True)
    return checked.returncode == 0


def test_dhcpd_conf_has_the_pages_four_parts(debian: Recipe, facts: ReleaseFacts) -> None:
    """Option 150, general options, the subnet and the group of nodes say what the page says."""
    lines = statements(texts(render(debian, facts))[DHCPD_CONF])
    nodes = [
        f"host ssi{n} {{ hardware ethernet 52:54:00:00:01:0{n}; fixed-address 192.168.0.10{n}; }}" for n in range(1, 5)
    ]
    assert lines == [
        "option grub-menu code 150 = string;",
        "option dhcp-max-message-size 2048;",
        "use-host-decl-names on;",
        "deny unknown-clients;",
        "deny bootp;",
        'option domain-name "mycluster.home";',
        "option domain-name-servers 192.168.0.1;",
        "option ntp-servers 192.168.0.1;",
        "subnet 192.168.0.0 netmask 255.255.255.0 {",
        "option routers 192.168.0.1;",
        "option broadcast-address 192.168.0.255;",
        "}",
        "group {",
        "next-server 192.168.0.1;",
        'option root-path "/NFSROOT/debian-nfsroot/1.0";',
        'option grub-menu = concat("(nd)/grub/", host-decl-name);',
        "option dhcp-parameter-request-list = concat(option dhcp-parameter-request-list, 96);",
        "if not exists pxe-system-type or option pxe-system-type = 00:00 {",
        'filename "/pxegrub";',
        "}",
        "if option pxe-system-type = 00:07 or option pxe-system-type = 00:09 {",
        'filename "/shimx64.efi";',
        "}",
        *nodes,
        "}",
    ]


@pytest.mark.parametrize(
    ("variants", "uefi", "filenames"),
    [
        ((Variant.I386_PC,), Variant.SECURE_BOOT, ["/pxegrub"]),
        ((Variant.X86_64_EFI,), Variant.X86_64_EFI, ["/pxegrub.efi"]),
        (tuple(Variant), Variant.X86_64_EFI, ["/pxegrub", "/pxegrub.efi"]),
        ((), Variant.SECURE_BOOT, []),
    ],
)
def test_dhcp_names_only_loaders_that_were_made(
    debian: Recipe, facts: ReleaseFacts, variants: tuple[Variant, ...], uefi: Variant, filenames: list[str]
) -> None:
    """An architecture for which the release has no boot loader gets no file name."""
    text = texts(render(with_boot(debian, *variants, uefi=uefi), facts))[DHCPD_CONF]
    assert re.findall(r'filename "(.*)"', text) == filenames


def test_what_a_cluster_lacks_is_left_out(debian: Recipe, facts: ReleaseFacts) -> None:
    """Without gateway, DNS and NTP servers no option names one."""
    text = texts(render(with_cluster(debian, gateway=None, dns=(), ntp=()), facts))[DHCPD_CONF]
    assert not re.search("routers|domain-name-servers|ntp-servers", text)


def test_read_only_root_is_exported_with_its_shared_directories(debian: Recipe, facts: ReleaseFacts) -> None:
    """The root is exported read-only and each shared directory read-write, to the cluster's subnet alone."""
    lines = statements(texts(render(debian, facts))["etc/exports.d/debian-nfsroot-1.0.exports"])
    assert [re.sub("fsid=[^)]*", "fsid", line) for line in lines] == [
        "/NFSROOT/debian-nfsroot/1.0 192.168.0.0/24(ro,async,no_root_squash,no_subtree_check,fsid)",
        "/NFSROOT/debian-nfsroot/1.0/var 192.168.0.0/24(rw,sync,no_root_squash,no_subtree_check,fsid)",
        "/NFSROOT/debian-nfsroot/1.0/root 192.168.0.0/24(rw,sync,no_root_squash,no_subtree_check,fsid)",
    ]


def test_read_write_root_is_one_export(kerrighed: Recipe, facts: ReleaseFacts) -> None:
    """A root that nodes mount read-write is a single read-write export."""
    (line,) = statements(texts(render(kerrighed, facts))["etc/exports.d/kerrighed-1.0.exports"])
    assert re.sub("fsid=[^)]*", "fsid", line) == (
        "/NFSROOT/kerrighed/1.0 192.168.0.0/24(rw,async,no_root_squash,no_subtree_check,fsid)"
    )


def test_every_export_has_an_fsid_of_its_own(debian: Recipe) -> None:
    """Exports of one and of another release differ in fsid, and the same export keeps it."""
    ids = [export.options[-1] for version in ("1.0", "2.0") for export in exports(debian, version)]
    assert len(set(ids)) == len(ids) == 6
    assert ids[:3] == [export.options[-1] for export in exports(debian, "1.0")]
    assert all(uuid.UUID(option.removeprefix("fsid=")) for option in ids)


@pytest.mark.parametrize("interface", ["", "eth1"])
def test_dhcp_serves_the_clusters_interface_only(debian: Recipe, facts: ReleaseFacts, interface: str) -> None:
    """dhcpd is given the recipe's interface, or else the one that has the server's address (here: loopback's)."""
    server = debian.cluster.server.model_copy(update={"interface": interface, "address": IPv4Address("127.0.0.1")})
    text = texts(render(with_cluster(debian, server=server), facts))["etc/default/isc-dhcp-server"]
    shell = subprocess.run(
        ["sh", "-euc", f'{text}\nprintf %s "$INTERFACESv4"'], check=True, capture_output=True, text=True
    )
    assert shell.stdout == (interface or "lo")


def test_tftp_serves_the_clusters_address_only(debian: Recipe, facts: ReleaseFacts) -> None:
    """tftpd-hpa serves /srv/tftp, and nothing above it, at the server's address."""
    assert statements(texts(render(debian, facts))["etc/default/tftpd-hpa"]) == [
        'TFTP_USERNAME="tftp"',
        'TFTP_DIRECTORY="/srv/tftp"',
        'TFTP_ADDRESS="192.168.0.1:69"',
        'TFTP_OPTIONS="--secure"',
    ]


def test_hosts_names_server_and_nodes(debian: Recipe, facts: ReleaseFacts) -> None:
    """The lines for the server's /etc/hosts have its own name and every node's, with and without domain."""
    lines = statements(texts(render(debian, facts))["etc/hosts.nfsroot"])
    assert lines[0] == "192.168.0.1 nfsserver.mycluster.home nfsserver"
    assert lines[1:] == [f"192.168.0.10{n} ssi{n}.mycluster.home ssi{n}" for n in range(1, 5)]


@pytest.mark.parametrize("name", ["debian", "kerrighed"])
def test_every_file_says_where_it_comes_from(name: str, facts: ReleaseFacts, request: pytest.FixtureRequest) -> None:
    """Tool, recipe and release stand at the top of every file; paths are sorted and distinct."""
    recipe: Recipe = request.getfixturevalue(name)
    files = render(recipe, facts)
    for file in files:
        top = file.content.decode().split("\n\n")[0:2]
        assert f"Made by nfsroot 0.1.0 from {recipe.files[0].name}" in "\n".join(top), file.path
    paths = [file.path for file in files]
    assert paths == sorted(set(paths))


def test_cluster_is_the_only_network_named(debian: Recipe, facts: ReleaseFacts) -> None:
    """Nothing is exported to everyone."""
    assert "*(" not in "".join(texts(render(debian, facts)).values())


def test_readme_has_the_commands_of_this_release(debian: Recipe, facts: ReleaseFacts) -> None:
    """The README's commands name the release's own files and directories."""
    readme = texts(render(debian, facts))["README"]
    assert "-xpf debian-nfsroot-1.0-root.tar.zst -C /NFSROOT/debian-nfsroot/1.0\n" in readme
    assert "tar -xzf debian-nfsroot-1.0-server.tar.gz" in readme
    assert "    ./install.sh --dry-run\n    ./install.sh\n" in readme


def test_ten_thousand_nodes_stay_cheap(debian: Recipe, facts: ReleaseFacts) -> None:
    """The bundle of 10,000 nodes is rendered within two seconds of processor time."""
    recipe = large(debian)
    begin = time.process_time()
    files = render(recipe, facts)
    assert time.process_time() - begin < 2
    assert len(files) > 3 * 10_000


@pytest.mark.server
@pytest.mark.parametrize("change", ["none", "bare", "large", "no loader"])
@pytest.mark.parametrize("name", ["debian", "kerrighed"])
def test_dhcpd_accepts_its_configuration(
    name: str, change: str, facts: ReleaseFacts, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """dhcpd's own checker accepts every kind of dhcpd.conf that recipes lead to."""
    recipe: Recipe = request.getfixturevalue(name)
    changed = {
        "none": recipe,
        "bare": with_cluster(recipe, gateway=None, dns=(), ntp=()),
        "large": large(recipe),
        "no loader": with_boot(recipe, uefi=Variant.SECURE_BOOT),
    }[change]
    assert accepted_by_dhcpd(texts(render(changed, facts))[DHCPD_CONF], tmp_path)


@pytest.mark.server
def test_dhcpd_rejects_a_broken_configuration(debian: Recipe, facts: ReleaseFacts, tmp_path: Path) -> None:
    """The check above can fail: a dhcpd.conf that lost its last brace is rejected."""
    text = texts(render(debian, facts))[DHCPD_CONF]
    assert not accepted_by_dhcpd(text.rstrip().removesuffix("}"), tmp_path)
