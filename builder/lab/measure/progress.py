"""The progress of a node from power-on to `running`, and the time limit of each phase."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from builder.lab.vocabulary.phase import Phase
from builder.lab.wire.event import DONE, READ, Kind, WireEvent

ORDER = tuple(Phase)

LIMITS = {
    Phase.DHCP: 180.0,
    Phase.LOADER: 120.0,
    Phase.GRUB: 300.0,
    Phase.KERNEL: 120.0,
    Phase.INITRAMFS: 120.0,
    Phase.ROOT: 180.0,
    Phase.SYSTEMD: 300.0,
    Phase.CHECKS: 300.0,
}
"""Seconds that each phase may take on a busy machine without KVM."""

REQUESTS = frozenset({Kind.DHCP_DISCOVER, Kind.DHCP_REQUEST})

FIRMWARE = ("PXEClient", "HTTPClient")
"""The beginning of the vendor class (DHCP option 60) that firmware sends; the initramfs sends another one."""


def find_ended_phase(event: WireEvent) -> Phase | None:
    """Find the phase that ends with `event`; None when no phase ends.

    The events on the network are enough to tell the phases apart, so that the node needs no console:

    - Firmware names itself in the vendor class of its DHCP requests; the initramfs does not.
    - Only GRUB reads files below /grub/.
    - The initramfs is the first to call the portmapper; an NFSv4 client connects to the NFS server instead.
    - Of an image over HTTP, the initramfs fetches the file root.FORMAT first, and the overlay last.
    """
    if event.kind is Kind.DHCP_ACK:
        return Phase.DHCP
    if event.kind in REQUESTS and not event.text.startswith(FIRMWARE):
        return Phase.KERNEL
    if event.kind in READ and PurePosixPath("/", event.text).is_relative_to("/grub"):
        return Phase.LOADER
    if event.kind in DONE and PurePosixPath(event.text).name.startswith("initrd"):
        return Phase.GRUB
    if event.kind in (Kind.PORTMAP, Kind.NFS_CONNECTION) or _is_http(event, Kind.HTTP_READ, "root"):
        return Phase.INITRAMFS
    if event.kind is Kind.NFS or _is_http(event, Kind.HTTP_DONE, "overlay"):
        return Phase.ROOT
    return None


def _is_http(event: WireEvent, kind: Kind, stem: str) -> bool:
    return event.kind is kind and PurePosixPath(event.text).name.partition(".")[0] == stem


def list_phases_since(before: Phase | None, now: Phase) -> tuple[Phase, ...]:
    """List the phases after `before` (None: power-on), up to the present phase `now`."""
    return ORDER[ORDER.index(before) + 1 if before else 0 : ORDER.index(now) + 1]


@dataclass
class Progress:
    """The progress of one boot: the times of power-on and of each phase's end, in seconds of time.monotonic().

    `patience` multiplies every time limit.  `started_anew` is true when the node rebooted by itself, for example after
    a panic of its kernel; this boot has then failed.
    """

    powered_on: float
    patience: float = 1.0
    ended: dict[Phase, float] = field(default_factory=dict)
    started_anew: bool = False

    @property
    def phase(self) -> Phase:
        """The phase in which the node is; the last phase once all phases are over."""
        return next((phase for phase in ORDER if phase not in self.ended), ORDER[-1])

    def observe(self, event: WireEvent) -> None:
        """Record an event on the network."""
        if event.kind is Kind.DHCP_DISCOVER and event.text.startswith(FIRMWARE):
            self.started_anew |= event.time > self.ended.get(Phase.GRUB, event.time)
        phase = find_ended_phase(event)
        if phase is not None:
            self.end(phase, event.time)

    def end(self, phase: Phase, now: float) -> None:
        """Record that `phase` and all phases before it are over; a phase ends once."""
        for each in ORDER[: ORDER.index(phase) + 1]:
            self.ended.setdefault(each, now)

    @property
    def limit(self) -> float:
        """The time, in seconds, that the present phase may take."""
        return LIMITS[self.phase] * self.patience

    def is_overdue(self, now: float) -> bool:
        """Whether the present phase has taken longer than its limit."""
        return now - max(self.ended.values(), default=self.powered_on) > self.limit

    def seconds(self) -> dict[Phase, float]:
        """Compute the duration, in seconds, of each phase that is over."""
        previous, result = self.powered_on, {}
        for phase in ORDER:
            if phase in self.ended:
                result[phase] = self.ended[phase] - previous
                previous = self.ended[phase]
        return result
