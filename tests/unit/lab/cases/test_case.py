"""What may be asked of the lab."""

from __future__ import annotations

import subprocess
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from lab_subject import release_of

from builder.errors import InputError
from builder.lab.cases.case import can_boot, list_firmware, make_case, make_fault_cases, make_offer, need_key
from builder.lab.faults import FAULTS, select_faults
from builder.lab.faults.model import BootFault
from builder.lab.vocabulary.hardware import MATRIX_NICS, Firmware, Nic
from builder.lab.vocabulary.server_kind import ServerKind
from builder.recipe.choices import DhcpServer, NfsServer, TftpServer, Transport, Variant
from builder.recipe.models import Recipe


def test_first_node_is_the_default(kerrighed: Recipe, tmp_path: Path) -> None:
    """Without names the first node of the cluster is tried, else those that are named, in their order."""
    release = release_of(kerrighed, tmp_path)
    assert [node.name for node in make_case(release, [], Firmware.BIOS).nodes] == ["ssi1"]
    assert [node.name for node in make_case(release, ["ssi3", "ssi1"], Firmware.UEFI).nodes] == ["ssi3", "ssi1"]


def test_servers_are_the_clusters_unless_others_are_named(kerrighed: Recipe, tmp_path: Path) -> None:
    """DHCP and TFTP are served by what the cluster names, or by what is asked for; NFS by ganesha."""
    server = kerrighed.cluster.server.model_copy(update={"dhcp": DhcpServer.KEA})
    cluster = kerrighed.cluster.model_copy(update={"server": server})
    release = release_of(kerrighed.model_copy(update={"cluster": cluster}), tmp_path)
    own = make_case(release, [], Firmware.BIOS).server
    assert (own.dhcp, own.tftp, own.nfs) == (DhcpServer.KEA, TftpServer.TFTPD_HPA, NfsServer.GANESHA)
    other = make_case(release, [], Firmware.BIOS, DhcpServer.ISC, TftpServer.DNSMASQ).server
    assert (other.dhcp, other.tftp, other.nfs) == (DhcpServer.ISC, TftpServer.DNSMASQ, NfsServer.GANESHA)


def test_virtual_machine_serves_nfs_as_the_cluster_says(kerrighed: Recipe, tmp_path: Path) -> None:
    """A server with a kernel of its own runs what the cluster names for NFS, too."""
    asked = make_case(release_of(kerrighed, tmp_path), [], Firmware.BIOS, kind=ServerKind.VM)
    assert (asked.kind, asked.server) == (ServerKind.VM, kerrighed.cluster.server)
    assert asked.server.nfs is NfsServer.KERNEL


def test_unknown_node(kerrighed: Recipe, tmp_path: Path) -> None:
    """A node that the cluster does not have is told with those that it has."""
    with pytest.raises(InputError, match=r"no node ssi9\nIts nodes are ssi1, ssi2, ssi3, ssi4"):
        make_case(release_of(kerrighed, tmp_path), ["ssi1", "ssi9"], Firmware.BIOS)


def test_a_server_behind_a_relay(kerrighed: Recipe, tmp_path: Path) -> None:
    """The lab has one network: a cluster whose server is on another one is not tried."""
    server = kerrighed.cluster.server.model_copy(update={"address": IPv4Address("10.9.0.1")})
    cluster = kerrighed.cluster.model_copy(update={"server": server})
    with pytest.raises(InputError, match="the lab has one network, and the server of mycluster is not on the nodes"):
        make_case(release_of(kerrighed.model_copy(update={"cluster": cluster}), tmp_path), [], Firmware.BIOS)


@pytest.mark.parametrize(
    ("variants", "uefi", "bootable"),
    [
        ({Variant.I386_PC}, Variant.SECURE_BOOT, {Firmware.BIOS}),
        ({Variant.X86_64_EFI}, Variant.X86_64_EFI, {Firmware.UEFI, Firmware.UEFI_HTTP}),
        (set(Variant), Variant.X86_64_EFI, {Firmware.BIOS, Firmware.UEFI, Firmware.UEFI_HTTP}),
        (set(Variant), Variant.SECURE_BOOT, set(Firmware)),
    ],
)
def test_firmware_without_a_loader(
    kerrighed: Recipe, tmp_path: Path, variants: set[Variant], uefi: Variant, bootable: set[Firmware]
) -> None:
    """A firmware to which the release gives no boot loader, or only one that it would refuse, is told at once."""
    values = {"variants": tuple(sorted(variants)), "uefi": uefi, "transport": Transport.HTTP}
    boot = kerrighed.boot.model_copy(update=values)
    release = release_of(kerrighed.model_copy(update={"boot": boot}), tmp_path)
    assert set(list_firmware(release)) == bootable
    for firmware in Firmware:
        if firmware in bootable:
            make_case(release, [], firmware)
        else:
            with pytest.raises(InputError, match=f"no boot loader for firmware {firmware}"):
                make_case(release, [], firmware)


def test_http_boot_needs_an_http_server(kerrighed: Recipe, tmp_path: Path) -> None:
    """Firmware that boots over HTTP finds nothing in a release for TFTP, and that is told with what to set."""
    release = release_of(kerrighed, tmp_path)
    assert set(list_firmware(release)) == {Firmware.BIOS, Firmware.UEFI, Firmware.SECURE_BOOT}
    with pytest.raises(InputError, match='Set transport = "http"'):
        make_case(release, [], Firmware.UEFI_HTTP)


@pytest.mark.parametrize(
    ("drivers", "cards"),
    [
        (("common",), set(Nic)),
        (("all",), set(Nic)),
        (("all", "-e1000"), set(Nic) - {Nic.E1000}),
        (("virtio_net", "e1000e", "8139cp"), set(MATRIX_NICS)),
        (("virtio-net", "8139too"), {Nic.VIRTIO_NET}),
        (("tg3",), set()),
    ],
)
def test_network_card_without_a_driver(
    kerrighed: Recipe, tmp_path: Path, drivers: tuple[str, ...], cards: set[Nic]
) -> None:
    """A network card that the initramfs cannot drive is told at once, with the driver to add."""
    initramfs = kerrighed.initramfs.model_copy(update={"nic_drivers": drivers})
    release = release_of(kerrighed.model_copy(update={"initramfs": initramfs}), tmp_path)
    assert {nic for _, nic in make_offer(release).hardware} == cards & set(MATRIX_NICS)
    for nic in Nic:
        if nic in cards:
            assert make_case(release, [], Firmware.BIOS, nic=nic).nic is nic
        else:
            with pytest.raises(InputError, match=rf"has no driver of the NIC {nic}\nAdd .* to nic_drivers"):
                make_case(release, [], Firmware.BIOS, nic=nic)


def test_card_of_a_node_that_says_what_it_has(kerrighed: Recipe, tmp_path: Path) -> None:
    """A node with a `nic` loads that driver alone, and is tried with no card that has another."""
    first, *others = kerrighed.cluster.nodes
    nodes = (first.model_copy(update={"nic": "e1000e"}), *others)
    cluster = kerrighed.cluster.model_copy(update={"nodes": nodes})
    release = release_of(kerrighed.model_copy(update={"cluster": cluster}), tmp_path)
    assert make_case(release, ["ssi1"], Firmware.BIOS, nic=Nic.E1000E).nic is Nic.E1000E
    assert make_case(release, ["ssi2"], Firmware.BIOS).nic is Nic.VIRTIO_NET
    with pytest.raises(
        InputError, match=r'ssi1 has no driver .*\nWrite nic = "virtio_net" .* leave nic = "e1000e" out'
    ):
        make_case(release, ["ssi1"], Firmware.BIOS)
    assert {nic for _, nic in make_offer(release).hardware} == {Nic.E1000E}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key, with its public half beside it."""
    file = tmp_path_factory.mktemp("keys") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
    return file


def test_key_of_the_recipe(kerrighed: Recipe, tmp_path: Path, key: Path) -> None:
    """Either half of a key of the recipe is taken; a key of nobody's, or what is no key, is told at once."""
    public = key.with_suffix(".pub")
    login = kerrighed.login.model_copy(update={"ssh_keys": (public.read_text().strip(),)})
    release = release_of(kerrighed.model_copy(update={"login": login}), tmp_path)
    for half in (key, public):
        need_key(release, half)
    with pytest.raises(InputError, match=r"is not an ssh key of kerrighed 1\.0\nThe release takes none"):
        need_key(release_of(kerrighed, tmp_path), key)
    (tmp_path / "text").write_text("no key")
    with pytest.raises(InputError, match="text is not an ssh key"):
        need_key(release, tmp_path / "text")


def test_offer_of_a_release(kerrighed: Recipe, tmp_path: Path) -> None:
    """The matrix may take every node of the cluster, all firmware that finds a loader, all cards with a driver."""
    release = release_of(kerrighed, tmp_path)
    offered = make_offer(release)
    assert offered.release == str(release.directory)
    assert offered.nodes == ("ssi1", "ssi2", "ssi3", "ssi4")
    assert {firmware for firmware, _ in offered.hardware} == set(list_firmware(release))
    assert {nic for _, nic in offered.hardware} == set(MATRIX_NICS)
    assert all(can_boot(*pair) for pair in offered.hardware)


def test_secure_boot_by_a_cards_rom(kerrighed: Recipe, tmp_path: Path) -> None:
    """What QEMU's firmware cannot boot by is told at once, and not taken for the release's fault."""
    with pytest.raises(InputError, match="secure-boot do not boot by the ROM of the NIC e1000e"):
        make_case(release_of(kerrighed, tmp_path), [], Firmware.SECURE_BOOT, nic=Nic.E1000E)


def test_racks_that_faults_take(kerrighed: Recipe, tmp_path: Path) -> None:
    """What befalls a node that runs shares one node; what befalls a booting node takes a node each, in full racks."""
    healthy = make_case(release_of(kerrighed, tmp_path), ["ssi1", "ssi2"], Firmware.UEFI)
    racks = make_fault_cases(healthy, FAULTS)
    running, *booting = [([node.name for node in rack.nodes], rack.faults) for rack in racks]
    assert running == (["ssi1"], tuple(fault for fault in FAULTS if not isinstance(fault, BootFault)))
    assert [fault for _, faults in booting for fault in faults] == [f for f in FAULTS if isinstance(f, BootFault)]
    assert all(len(names) == len(faults) for names, faults in booting)
    assert [names for names, _ in booting[:-1]] == [["ssi1", "ssi2"]] * (len(booting) - 1)
    assert {rack.firmware for rack in racks} == {Firmware.UEFI}


def test_one_fault_takes_one_node(kerrighed: Recipe, tmp_path: Path) -> None:
    """A single fault is tried in one rack with one node, whatever kind it is of."""
    healthy = make_case(release_of(kerrighed, tmp_path), ["ssi3", "ssi4"], Firmware.BIOS)
    for name in ("nfs-outage", "loss-5"):
        (rack,) = make_fault_cases(healthy, select_faults([name], kerrighed))
        assert [node.name for node in rack.nodes] == ["ssi3"]
        assert [fault.name for fault in rack.faults] == [name]
    assert make_fault_cases(healthy, ()) == [healthy]
