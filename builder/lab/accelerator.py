"""Whether KVM really runs a guest here."""

from __future__ import annotations

import time
from pathlib import Path

from builder.lab.namespace import Namespace
from builder.lab.qemu import Accelerator

SECONDS = 15.0
POLL_SECONDS = 0.1
ALIVE = "Unable to mount root fs"
"""The last words of a kernel that started and has no root file system."""

DEAD = "KVM internal error"
"""What QEMU says when the processor left the guest for a reason that KVM cannot deal with."""


def probe(machine: Namespace, kernel: str, log: Path) -> Accelerator:
    """KVM if it boots `kernel` (a path inside) as far as its last words, TCG otherwise.

    That /dev/kvm exists proves nothing: nested virtualisation may kill the guest at its first instructions.
    """
    if not machine.path("/dev/kvm").exists():
        return Accelerator.TCG
    argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-accel", "kvm", "-m", "256", "-display", "none"]
    argv += ["-serial", "stdio", "-no-reboot", "-kernel", kernel, "-append", "console=ttyS0 panic=-1"]
    process = machine.start(argv, log)
    deadline = time.monotonic() + SECONDS
    said = ""
    while process.poll() is None and DEAD not in said and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        said = log.read_text(errors="replace")
    process.kill()
    process.wait()
    return Accelerator.KVM if ALIVE in log.read_text(errors="replace") else Accelerator.TCG
