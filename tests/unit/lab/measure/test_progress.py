from __future__ import annotations

import pytest

from builder.lab.measure.progress import LIMITS, ORDER, Progress, find_ended_phase, list_phases_since
from builder.lab.vocabulary.phase import Phase
from builder.lab.wire.event import Kind, WireEvent

BOOT = [
    (Kind.DHCP_DISCOVER, "PXEClient:Arch:00000", Phase.DHCP),
    (Kind.DHCP_ACK, "192.168.0.101", Phase.LOADER),
    (Kind.TFTP_READ, "/pxegrub", Phase.LOADER),
    (Kind.TFTP_DONE, "/pxegrub", Phase.LOADER),
    (Kind.TFTP_READ, "/grub/grub.cfg", Phase.GRUB),
    (Kind.TFTP_DONE, "/debian/1/vmlinuz-6.12", Phase.GRUB),
    (Kind.TFTP_READ, "/debian/1/initrd.img-6.12", Phase.GRUB),
    (Kind.TFTP_DONE, "/debian/1/initrd.img-6.12", Phase.KERNEL),
    (Kind.DHCP_DISCOVER, "Linux ipconfig", Phase.INITRAMFS),
    (Kind.DHCP_ACK, "192.168.0.101", Phase.INITRAMFS),
    (Kind.PORTMAP, "", Phase.ROOT),
    (Kind.NFS_CONNECTION, "", Phase.ROOT),
    (Kind.NFS, "", Phase.SYSTEMD),
]


def test_a_boot_goes_through_every_phase() -> None:
    """The events of a boot, as they come, lead through the phases in order."""
    progress = Progress(0.0)
    for number, (kind, text, phase) in enumerate(BOOT, start=1):
        progress.observe(WireEvent(float(number), "52:54:00:00:01:01", kind, text))
        assert progress.phase is phase
    assert progress.seconds() == {
        Phase.DHCP: 2.0,
        Phase.LOADER: 3.0,
        Phase.GRUB: 3.0,
        Phase.KERNEL: 1.0,
        Phase.INITRAMFS: 2.0,
        Phase.ROOT: 2.0,
    }


def test_a_node_that_starts_anew_by_itself() -> None:
    """Firmware that asks DHCP again once GRUB has loaded the kernel boots anew; before that it only repeats."""
    boot = [WireEvent(float(number), "", kind, text) for number, (kind, text, _) in enumerate(BOOT, start=1)]
    for seen, anew in ((2, False), (5, False), (8, True), (len(BOOT), True)):
        progress = Progress(0.0)
        for event in boot[:seen]:
            progress.observe(event)
        assert not progress.started_anew
        progress.observe(WireEvent(99.0, "", Kind.DHCP_DISCOVER, "PXEClient:Arch:00000"))
        assert progress.started_anew is anew
        for event in boot:  # the lab looks at everything since power-on each time
            progress.observe(event)
        assert progress.started_anew is anew


@pytest.mark.parametrize(
    ("kind", "text", "phase"),
    [
        (Kind.HTTP_READ, "/shimx64.efi", None),
        (Kind.HTTP_DONE, "/grubx64.efi", None),
        (Kind.HTTP_ERROR, "/grub/x86_64-efi/fs.lst: 404 Not Found", None),
        (Kind.HTTP_READ, "/grub/grub.cfg", Phase.LOADER),
        (Kind.HTTP_DONE, "/debian/1/vmlinuz-6.12", None),
        (Kind.HTTP_DONE, "/debian/1/initrd.img-6.12", Phase.GRUB),
    ],
)
def test_http_ends_phases_as_tftp_does(kind: Kind, text: str, phase: Phase | None) -> None:
    """The first file below /grub ends the loader's phase and the initramfs GRUB's, over whatever they come."""
    assert find_ended_phase(WireEvent(1.0, "", kind, text)) is phase


def test_an_event_that_was_missed_does_not_hold_a_boot_up() -> None:
    """A later event ends the phases before it too."""
    progress = Progress(0.0)
    progress.observe(WireEvent(9.0, "52:54:00:00:01:01", Kind.NFS))
    assert progress.phase is Phase.SYSTEMD


def test_nfs_version_4_asks_no_portmapper() -> None:
    """A client of NFSv4 connects to the server's one port: that ends the initramfs's phase."""
    assert find_ended_phase(WireEvent(1.0, "", Kind.NFS_CONNECTION)) is Phase.INITRAMFS


def test_image_over_http() -> None:
    """The initramfs is done when it asks for the image, and the root is there when the overlay has come."""
    for kind, path, phase in (
        (Kind.HTTP_READ, "/debian/1/root.squashfs", Phase.INITRAMFS),
        (Kind.HTTP_DONE, "/debian/1/root.squashfs", None),
        (Kind.HTTP_READ, "/debian/1/overlay.tar.zst", None),
        (Kind.HTTP_DONE, "/debian/1/overlay.tar.zst", Phase.ROOT),
    ):
        assert find_ended_phase(WireEvent(1.0, "", kind, path)) is phase


def test_firmware_that_asks_again_is_not_the_initramfs() -> None:
    """A second DHCP request of the firmware, for PXE or HTTP, ends no phase."""
    assert find_ended_phase(WireEvent(1.0, "", Kind.DHCP_DISCOVER, "PXEClient:Arch:00007")) is None
    assert find_ended_phase(WireEvent(1.0, "", Kind.DHCP_REQUEST, "HTTPClient:Arch:00016")) is None


@pytest.mark.parametrize("phase", list(Phase))
def test_each_phase_has_its_own_limit(phase: Phase) -> None:
    """A phase is overdue when it alone has taken too long, however long those before it took."""
    progress = Progress(0.0)
    before = list(Phase)[: list(Phase).index(phase)]
    for each in before:
        progress.end(each, 1000.0)
    began = 1000.0 if before else 0.0
    assert progress.phase is phase
    assert not progress.is_overdue(began + LIMITS[phase])
    assert progress.is_overdue(began + LIMITS[phase] + 0.1)


def test_phases_since_the_last_look() -> None:
    """No phase is passed over, however quickly a node went through it, and none is told twice."""
    assert list_phases_since(None, Phase.DHCP) == (Phase.DHCP,)
    assert list_phases_since(Phase.DHCP, Phase.GRUB) == (Phase.LOADER, Phase.GRUB)
    assert list_phases_since(None, ORDER[-1]) == ORDER
    assert list_phases_since(Phase.GRUB, Phase.GRUB) == ()
