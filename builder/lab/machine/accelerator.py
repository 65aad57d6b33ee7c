"""The choice of QEMU's accelerator: KVM if it can run a guest on this machine, else TCG."""

from __future__ import annotations

import time
from pathlib import Path

from builder.cache import Cache
from builder.keys import key_of
from builder.lab.machine.namespace import ENVIRONMENT, Namespace
from builder.lab.vocabulary.hardware import Accelerator
from builder.process import run

SECONDS = 60.0
POLL_SECONDS = 0.1
ALIVE = "Unable to mount root fs"
"""The last message of a kernel that started and has no root file system."""

DEAD = "KVM internal error"
"""QEMU's message when the processor left the guest for a reason that KVM cannot deal with."""

STEP, FILE = "kvm", "accelerator"


def find_accelerator(cache: Cache, namespace: Namespace, kernel: str, log: Path) -> Accelerator:
    """Find the accelerator for nodes in the cache, or by `probe_kvm`.

    KVM is tried once for each boot of this machine, version of QEMU, and kernel of nodes (by its file's name), because
    a boot may bring other microcode or another module of KVM.  /dev/kvm may come and go, so each call looks for it.
    """
    if not namespace.path("/dev/kvm").exists():
        return Accelerator.TCG
    inputs = {"boot": read_boot_id(), "qemu": read_qemu_version(), "kernel": Path(kernel).name}

    def make(directory: Path) -> None:
        (directory / FILE).write_text(probe_kvm(namespace, kernel, log), encoding="utf-8")

    return Accelerator((cache.produce(STEP, key_of(inputs), inputs, make) / FILE).read_text(encoding="utf-8"))


def probe_kvm(namespace: Namespace, kernel: str, log: Path) -> Accelerator:
    """Try KVM with `kernel`, a path in the namespace; TCG is the result if the kernel's last message does not appear.

    The existence of /dev/kvm proves nothing: nested virtualisation may kill a guest at its first instructions.
    """
    argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-accel", "kvm", "-m", "256", "-display", "none"]
    argv += ["-serial", "stdio", "-no-reboot", "-kernel", kernel, "-append", "console=ttyS0 panic=-1"]
    process = namespace.start(argv, log)
    deadline = time.monotonic() + SECONDS
    said = ""
    while process.poll() is None and DEAD not in said and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        said = log.read_text(encoding="utf-8", errors="replace")
    process.kill()
    process.wait()
    return Accelerator.KVM if ALIVE in log.read_text(encoding="utf-8", errors="replace") else Accelerator.TCG


def read_boot_id() -> str:
    """Read the identifier of this machine's present boot (random(4))."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()


def read_qemu_version() -> str:
    """Ask QEMU for its version and that of its package."""
    lines: list[str] = []
    run(["qemu-system-x86_64", "--version"], env=ENVIRONMENT, on_line=lines.append)
    return lines[1]
