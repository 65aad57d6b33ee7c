"""What DHCP says, and that three DHCP servers are told to say it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from layouts import layout_of
from server_recipes import large, statements, texts, with_boot, with_cluster, with_http, with_server

from builder.recipe.choices import Variant
from builder.recipe.models import Recipe
from builder.server.bundle import settings
from builder.server.dhcp import decide
from builder.settings.dhcp import Loader

DHCPD_CONF = "etc/dhcp/dhcpd.conf"
KEA_CONF = "etc/kea/kea-dhcp4.conf"
DNSMASQ_CONF = "etc/dnsmasq.d/nfsroot-dhcp.conf"
ALL = (DHCPD_CONF, KEA_CONF, DNSMASQ_CONF)


def kea(recipe: Recipe) -> dict[str, Any]:
    """Kea's settings, as data."""
    text = texts(settings(layout_of(recipe)))[KEA_CONF]
    found: dict[str, Any] = json.loads("\n".join(statements(text)))["Dhcp4"]
    return found


def test_dhcpd_conf_has_the_pages_four_parts(debian: Recipe) -> None:
    """Option 150, general options, the subnet and the group of nodes say what the page says."""
    lines = statements(texts(settings(layout_of(debian)))[DHCPD_CONF])
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
        'option root-path "/NFSROOT/debian-nfsroot";',
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


def test_kea_says_the_same(debian: Recipe) -> None:
    """Kea answers reservations alone, and tells each node what the page says, its menu even unasked."""
    said = kea(debian)
    assert {option["name"]: option["data"] for option in said["option-data"]} == {
        "broadcast-address": "192.168.0.255",
        "routers": "192.168.0.1",
        "domain-name": "mycluster.home",
        "domain-name-servers": "192.168.0.1",
        "ntp-servers": "192.168.0.1",
        "root-path": "/NFSROOT/debian-nfsroot",
    }
    assert said["next-server"] == "192.168.0.1"
    assert said["option-def"] == [{"name": "grub-menu", "code": 150, "type": "string"}]
    assert said["subnet4"] == [{"id": 1, "subnet": "192.168.0.0/24"}]
    assert said["early-global-reservations-lookup"] and said["reservations-global"]
    assert said["client-classes"] == [
        {"name": "DROP", "test": "not member('KNOWN')"},
        {
            "name": "bios",
            "test": "not option[93].exists or option[93].hex == 0x0000",
            "boot-file-name": "/pxegrub",
        },
        {
            "name": "uefi-x64",
            "test": "option[93].hex == 0x0007 or option[93].hex == 0x0009",
            "boot-file-name": "/shimx64.efi",
        },
    ]
    assert said["reservations"] == [
        {
            "hw-address": f"52:54:00:00:01:0{n}",
            "ip-address": f"192.168.0.10{n}",
            "option-data": [
                {"name": "host-name", "data": f"ssi{n}", "always-send": True},
                {"name": "grub-menu", "data": f"(nd)/grub/ssi{n}", "always-send": True},
            ],
        }
        for n in range(1, 5)
    ]


def test_dnsmasq_says_the_same(debian: Recipe) -> None:
    """dnsmasq answers known hosts alone, and tells them all but the menu, for which it has no string."""
    assert statements(texts(settings(layout_of(debian)))[DNSMASQ_CONF]) == [
        "dhcp-range=192.168.0.0,static,255.255.255.0,192.168.0.255",
        "dhcp-ignore=tag:!known",
        "dhcp-ignore-clid",
        "leasefile-ro",
        "domain=mycluster.home",
        "dhcp-option=option:router,192.168.0.1",
        "dhcp-option=option:dns-server,192.168.0.1",
        "dhcp-option=option:ntp-server,192.168.0.1",
        "dhcp-option=option:root-path,/NFSROOT/debian-nfsroot",
        "dhcp-match=set:architecture,option:client-arch",
        "dhcp-match=set:bios,option:client-arch,0",
        "dhcp-boot=tag:bios,/pxegrub,,192.168.0.1",
        "dhcp-boot=tag:!architecture,/pxegrub,,192.168.0.1",
        "dhcp-match=set:uefi-x64,option:client-arch,7",
        "dhcp-match=set:uefi-x64,option:client-arch,9",
        "dhcp-boot=tag:uefi-x64,/shimx64.efi,,192.168.0.1",
        *(f"dhcp-host=52:54:00:00:01:0{n},192.168.0.10{n},ssi{n}.mycluster.home" for n in range(1, 5)),
    ]


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize(
    ("variants", "uefi", "files"),
    [
        ((Variant.I386_PC,), Variant.SECURE_BOOT, {"/pxegrub"}),
        ((Variant.X86_64_EFI,), Variant.X86_64_EFI, {"/pxegrub.efi"}),
        (tuple(Variant), Variant.X86_64_EFI, {"/pxegrub", "/pxegrub.efi"}),
        ((), Variant.SECURE_BOOT, set()),
    ],
)
def test_dhcp_names_only_loaders_that_were_made(
    debian: Recipe, path: str, variants: tuple[Variant, ...], uefi: Variant, files: set[str]
) -> None:
    """An architecture for which the release has no boot loader gets no file name, whichever server answers."""
    text = texts(settings(layout_of(with_boot(debian, *variants, uefi=uefi))))[path]
    assert set(re.findall(r"/(?:pxegrub|shim)[a-z0-9.]*", text)) == files


@pytest.mark.parametrize("path", ALL)
def test_what_a_cluster_lacks_is_left_out(debian: Recipe, path: str) -> None:
    """Without gateway, DNS and NTP servers no option names one, and dnsmasq does not name itself."""
    text = texts(settings(layout_of(with_cluster(debian, gateway=None, dns=(), ntp=()))))[path]
    named = re.findall("(?:routers?|domain-name-servers|dns-server|ntp-servers?)[^\n]*", "\n".join(statements(text)))
    assert named == (["router", "dns-server"] if path == DNSMASQ_CONF else [])


def test_only_addresses_of_ntp_servers_are_told(debian: Recipe) -> None:
    """A name among the NTP servers is for the nodes' own settings: DHCP's option has addresses."""
    recipe = with_cluster(debian, ntp=("time.example", "192.168.0.7", "2.time.example"))
    assert decide(recipe).ntp == (IPv4Address("192.168.0.7"),)
    assert "time.example" not in "".join(texts(settings(layout_of(recipe)))[path] for path in ALL)


def test_firmware_that_names_no_architecture_is_bios(debian: Recipe) -> None:
    """Only the BIOS loader is for clients without option 93, and no architecture has two loaders."""
    loaders = decide(debian).loaders
    assert loaders == (Loader("bios", "/pxegrub", (0,), by_default=True), Loader("uefi-x64", "/shimx64.efi", (7, 9)))


def test_http_client_is_told_a_url(debian: Recipe) -> None:
    """Firmware that boots over HTTP (option 93: 16) gets its loader's URL, and HTTPClient in option 60."""
    recipe = with_http(debian)
    assert decide(recipe).loaders[-1] == Loader(
        "uefi-x64-http", "http://192.168.0.1/shimx64.efi", (16,), vendor_class="HTTPClient"
    )
    files = texts(settings(layout_of(recipe)))
    lines = statements(files[DHCPD_CONF])
    start = lines.index("if option pxe-system-type = 00:10 {")
    assert lines[start + 1 : start + 4] == [
        'filename "http://192.168.0.1/shimx64.efi";',
        'option vendor-class-identifier "HTTPClient";',
        "}",
    ]
    assert kea(recipe)["client-classes"][-1] == {
        "name": "uefi-x64-http",
        "test": "option[93].hex == 0x0010",
        "boot-file-name": "http://192.168.0.1/shimx64.efi",
        "option-data": [{"name": "vendor-class-identifier", "data": "HTTPClient", "always-send": True}],
    }
    assert {
        "dhcp-match=set:uefi-x64-http,option:client-arch,16",
        "dhcp-boot=tag:uefi-x64-http,http://192.168.0.1/shimx64.efi,,192.168.0.1",
        "dhcp-option-force=tag:uefi-x64-http,option:vendor-class,HTTPClient",
    } <= set(statements(files[DNSMASQ_CONF]))


@pytest.mark.parametrize("path", ALL)
def test_no_url_without_an_http_server(debian: Recipe, path: str) -> None:
    """A recipe whose nodes load over TFTP, or that has no loader for UEFI, answers no firmware that boots over HTTP."""
    for recipe in (debian, with_http(debian, variants=(Variant.I386_PC,))):
        text = texts(settings(layout_of(recipe)))[path]
        assert "http://" not in text
        assert "HTTPClient" not in text


@pytest.mark.parametrize(("interface", "selected"), [("", "*"), ("eth1", "eth1")])
def test_kea_serves_the_interface_of_the_recipe(debian: Recipe, interface: str, selected: str) -> None:
    """Kea listens on the recipe's interface; without one everywhere, since it knows none by its address."""
    said = kea(with_server(debian, interface=interface))
    assert said["interfaces-config"]["interfaces"] == [selected]
    assert said["interfaces-config"]["service-sockets-max-retries"] > 0, "a switch may come up after its server"


def accepted_by_dhcpd(files: dict[str, str], directory: Path) -> bool:
    """Whether `dhcpd -t` accepts the configuration; AppArmor lets only a copy of it read outside /etc/dhcp."""
    copy = _copied("dhcpd", directory)
    (directory / "dhcpd.conf").write_text(files[DHCPD_CONF])
    return _succeeds(copy, "-4", "-t", "-cf", str(directory / "dhcpd.conf"))


def accepted_by_kea(files: dict[str, str], directory: Path) -> bool:
    """Whether `kea-dhcp4 -t` accepts the configuration."""
    copy = _copied("kea-dhcp4", directory)
    (directory / "kea-dhcp4.conf").write_text(files[KEA_CONF])
    return _succeeds(copy, "-t", str(directory / "kea-dhcp4.conf"))


def accepted_by_dnsmasq(files: dict[str, str], directory: Path) -> bool:
    """Whether `dnsmasq --test` accepts all of its files together."""
    (directory / "conf").mkdir()
    for path, text in files.items():
        if path.startswith("etc/dnsmasq.d/"):
            (directory / "conf" / Path(path).name).write_text(text)
    return _succeeds(_copied("dnsmasq", directory), "--test", "-C", "/dev/null", "-7", str(directory / "conf"))


def _copied(program: str, directory: Path) -> str:
    found = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert found, f"{program} is missing: `make test` installs it"
    return str(shutil.copy(found, directory))


def _succeeds(*argv: str) -> bool:
    environment = {"KEA_LOCKFILE_DIR": "none"}
    return subprocess.run(argv, capture_output=True, env=environment).returncode == 0


CHECKERS = {DHCPD_CONF: accepted_by_dhcpd, KEA_CONF: accepted_by_kea, DNSMASQ_CONF: accepted_by_dnsmasq}


@pytest.mark.server
@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize(
    ("name", "change"),
    [
        *((name, change) for name in ("debian", "kerrighed") for change in ("none", "bare", "no loader", "http")),
        ("debian", "large"),
    ],
)
def test_servers_accept_their_configurations(
    name: str, change: str, path: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each server's own checker accepts every kind of configuration that recipes lead to."""
    recipe: Recipe = request.getfixturevalue(name)
    changed = {
        "none": recipe,
        "bare": with_cluster(recipe, gateway=None, dns=(), ntp=()),
        "large": large(recipe),
        "http": with_http(recipe),
        "no loader": with_boot(recipe, uefi=Variant.SECURE_BOOT),
    }[change]
    assert CHECKERS[path](texts(settings(layout_of(changed))), tmp_path)


@pytest.mark.server
@pytest.mark.parametrize("path", ALL)
def test_servers_reject_broken_configurations(path: str, debian: Recipe, tmp_path: Path) -> None:
    """The checks above can fail: a subnet that is none is rejected."""
    files = texts(settings(layout_of(debian)))
    broken = files[path].replace("192.168.0.0", "192.168.0.")
    assert broken != files[path]
    assert not CHECKERS[path]({**files, path: broken}, tmp_path)
