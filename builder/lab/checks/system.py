"""Checks of a node's system: firmware, kernel, clock, and units."""

from __future__ import annotations

import time

from builder.lab.checks.model import Check, Finding, Subject, compare_values
from builder.lab.vocabulary.hardware import Firmware

FIRMWARE = """\
if [ ! -d /sys/firmware/efi ]; then echo bios; exit; fi
secure=/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
case $(od -An -tu1 -j4 -N1 "$secure" | tr -d ' ') in
    0) echo uefi ;;
    1) echo secure-boot ;;
    *) echo "unknown: $(ls -l "$secure" 2>&1)" ;;
esac
"""
"""Prints the kind of firmware.

The value of the UEFI variable SecureBoot is one byte, after four bytes of attributes (UEFI specification, 3.3).
"""

MOST_SECONDS_WRONG = 120.0


def _check_firmware(subject: Subject) -> Finding:
    return compare_values(subject.ask(FIRMWARE).text, str(subject.firmware.by_pxe))


def _check_lockdown(subject: Subject) -> Finding:
    saw = subject.ask("cat /sys/kernel/security/lockdown").text
    locked = "[integrity]" in saw or "[confidentiality]" in saw
    return Finding(saw, () if locked else (f"the kernel is not locked down: {saw}",))


def _check_kernel(subject: Subject) -> Finding:
    manifest = subject.release.manifest
    version = manifest.kernel_version
    layout, directory = subject.release.layout, subject.release.layout.tftp_directory
    running = subject.ask("uname -r").text
    transport = subject.release.recipe.boot.transport.upper()
    problems = [f"the kernel that runs is {running}, not {version}"] if running != version else []
    if subject.ask(f"test -s /lib/modules/{version}/modules.dep").status != 0:
        problems.append(f"the tree has no modules of {version}")
    for file in (f"{directory}/{layout.kernel_file}", f"{directory}/{layout.initramfs_file(subject.node.nic)}"):
        if file not in subject.loaded:
            problems.append(f"the node did not load {file} over {transport}")
    others = [file for file in subject.loaded if "/vmlinuz-" in file or "/initrd.img-" in file]
    return Finding(f"{running}: {', '.join(others)} over {transport}", tuple(problems))


def _check_clock(subject: Subject) -> Finding:
    said = subject.ask("date +%s").text
    wrong = float(said) - time.time() if said.isdecimal() else float("inf")
    fast = f"{wrong:+.0f} s"
    return Finding(fast, () if abs(wrong) <= MOST_SECONDS_WRONG else (f"the node's clock is wrong by {fast}",))


def _check_units(subject: Subject) -> Finding:
    state = subject.ask("systemctl is-system-running").text
    if state == "running":
        return Finding(state)
    failed = subject.ask("systemctl list-units --failed --plain --no-legend --full").text
    names = [line.split()[0] for line in failed.splitlines()]
    return Finding(state, (f"systemd's state is {state}; failed units: {', '.join(names) or 'none'}",))


def _check_nfsbooted(subject: Subject) -> Finding:
    answer = subject.ask("nfsbooted --check")
    lines = answer.text.splitlines()
    problems = [line for line in lines if not line.startswith("ok: ")]
    if not problems and (answer.status != 0 or not lines):
        problems = [f"nfsbooted --check ended with exit status {answer.status}: {answer.text}"]
    return Finding(f"{len(lines)} duties done", tuple(problems))


RUNNING = Check("system", "systemd started everything and no unit failed", _check_units)
NFSBOOTED = Check("nfsbooted", "nfsbooted has done each of its duties (nfsbooted(8))", _check_nfsbooted)

CHECKS = (
    RUNNING,
    NFSBOOTED,
    Check(
        "firmware",
        "the node was started by the firmware that was asked for, signatures enforced or not",
        _check_firmware,
    ),
    Check(
        "lockdown",
        "with Secure Boot the kernel guards its integrity (kernel_lockdown(7))",
        _check_lockdown,
        lambda subject: subject.firmware.by_pxe is Firmware.SECURE_BOOT,
    ),
    Check(
        "kernel",
        "kernel, initramfs and modules are of the release's one version, loaded over the recipe's transport",
        _check_kernel,
    ),
    Check("clock", f"the node's clock is set, to {MOST_SECONDS_WRONG:.0f} s", _check_clock),
)
