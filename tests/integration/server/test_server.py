"""A server that was set up by a release's bundle, seen from the cluster's network."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from release_under_test import DHCP_SERVERS, ReleaseUnderTest, Serving

pytestmark = [pytest.mark.docker, pytest.mark.server]

Run = Callable[..., "subprocess.CompletedProcess[str]"]
BIOS, UEFI_X64, UEFI_ARM64 = 0, 7, 11
UNKNOWN_MAC = "52:54:00:ff:ff:ff"
HOST_NAME, ROOT_PATH, SERVER_IDENTIFIER, GRUB_MENU = "12", "17", "54", "150"


@pytest.fixture
def offer(run: Run, serving: Serving) -> Callable[[str, int], dict[str, Any] | None]:
    """Asks for an address with a MAC address and an architecture."""

    def _offer(mac: str, architecture: int) -> dict[str, Any] | None:
        done = run("client", "python3", "/dhcp_client.py", mac, str(architecture), "4")
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] | None = json.loads(done.stdout)
        return answer

    return _offer


def text(offered: dict[str, Any], option: str) -> str:
    """A string option of an offer."""
    return bytes.fromhex(offered["options"][option]).decode()


def menu(offered: dict[str, Any]) -> str | None:
    """The menu that an offer names, if it does; dnsmasq's cannot."""
    return text(offered, GRUB_MENU) if GRUB_MENU in offered["options"] else None


def test_install_starts_the_servers(installed: subprocess.CompletedProcess[str]) -> None:
    """install.sh checks with the daemons' own checkers, restarts both daemons and exports."""
    for said in ("Restarted isc-dhcp-server.", "Restarted tftpd-hpa.", "Exported what"):
        assert said in installed.stdout
    assert "not checked" not in installed.stdout


def test_second_dhcp_server_is_refused(run: Run, serving: Serving) -> None:
    """While one DHCP server is at work, install.sh sets up neither of the others, and says why."""
    for other in DHCP_SERVERS.keys() - {serving.dhcp}:
        refused = run("server", "sh", "-c", f"/scratch/*-server/install.sh --dhcp {other} --tftp {serving.tftp}")
        assert refused.returncode == 1
        assert f"{DHCP_SERVERS[serving.dhcp]} serves dhcp on this machine" in refused.stderr


def test_tftp_serves_what_was_released(run: Run, serving: Serving, release: ReleaseUnderTest) -> None:
    """Loaders, kernel, initramfs and menus come over TFTP with the release's digests."""
    assert "/pxegrub" in release.served
    get = "cd /tmp && tftp -m binary {0} -c get {1} fetched && sha256sum fetched && rm fetched"
    script = "\n".join(get.format(release.server, path) for path in release.served)
    fetched = [line.split()[0] for line in run("client", "sh", "-s", script=script).stdout.splitlines()]
    assert dict(zip(release.served, fetched, strict=True)) == release.served


def test_tftp_serves_nothing_else(run: Run, serving: Serving, release: ReleaseUnderTest) -> None:
    """A path out of the TFTP directory is not served."""
    done = run("client", "tftp", "-m", "binary", str(release.server), "-c", "get", "/../../etc/passwd", "/tmp/passwd")
    assert "Error code" in done.stdout + done.stderr


def test_known_node_gets_its_offer(offer: Callable[..., Any], release: ReleaseUnderTest, serving: Serving) -> None:
    """A node of the cluster gets its address, name, menu and recipe's root, and the server to load from, unasked."""
    offered = offer(release.mac, BIOS)
    assert offered is not None
    assert offered["address"] == release.address
    assert offered["next_server"] == str(release.server)
    assert offered["file"] == "/pxegrub"
    assert menu(offered) == (None if serving.dhcp == "dnsmasq" else f"(nd)/grub/{release.node}")
    assert text(offered, HOST_NAME) == release.node
    assert release.root.startswith(f"{text(offered, ROOT_PATH)}/")
    assert bytes.fromhex(offered["options"][SERVER_IDENTIFIER]) == release.server.packed


@pytest.mark.parametrize("architecture", [UEFI_X64, 9])
def test_uefi_gets_its_loader(offer: Callable[..., Any], release: ReleaseUnderTest, architecture: int) -> None:
    """UEFI x64 gets a loader that the TFTP server has, and not that for BIOS."""
    offered = offer(release.mac, architecture)
    assert offered is not None
    assert offered["file"] in set(release.served) - {"/pxegrub"}
    assert offered["next_server"] == str(release.server)


def test_other_architectures_get_no_loader(offer: Callable[..., Any], release: ReleaseUnderTest) -> None:
    """An architecture without a boot loader gets an address and no file name."""
    offered = offer(release.mac, UEFI_ARM64)
    assert offered is not None
    assert offered["file"] == ""


def test_unknown_machine_gets_nothing(offer: Callable[..., Any], release: ReleaseUnderTest) -> None:
    """A machine that is not a node of the cluster gets no offer, while a node does."""
    assert offer(UNKNOWN_MAC, BIOS) is None
    assert offer(release.mac, BIOS) is not None


def test_root_is_exported_to_the_cluster(run: Run, installed: object, release: ReleaseUnderTest) -> None:
    """exportfs lists the release's root for the cluster's subnet and nobody else."""
    listed = run("server", "exportfs", "-s").stdout.splitlines()
    assert any(line.startswith(f"{release.root}  {release.subnet}(") for line in listed), listed
    assert all(f"  {release.subnet}(" in line for line in listed)


def test_server_knows_its_nodes(run: Run, installed: object, release: ReleaseUnderTest) -> None:
    """The server's /etc/hosts names the nodes."""
    assert run("server", "getent", "--service=files", "hosts", release.node).stdout.split()[0] == release.address


def test_installing_again_changes_nothing(run: Run, serving: Serving) -> None:
    """install.sh run again says that nothing was changed; files and daemons stay the same."""
    daemons = "pidof dhcpd in.tftpd kea-dhcp4 dnsmasq"
    look = f"find /etc /srv /var/backups -type f -printf '%p %T@\\n' | sort; {daemons}"
    before = run("server", "sh", "-c", look)
    assert before.returncode == 0, before.stderr
    again = run("server", "sh", "-c", serving.install)
    assert again.returncode == 0, again.stderr
    assert "nothing was changed" in again.stdout
    assert run("server", "sh", "-c", look).stdout == before.stdout
