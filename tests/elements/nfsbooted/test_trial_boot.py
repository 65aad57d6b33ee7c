"""A boot on trial that is not complete in time ends, and one that is complete goes on."""

from __future__ import annotations

import subprocess

import pytest
from node import Node

pytestmark = pytest.mark.container
TRIAL = "/usr/lib/nfsbooted/trial"


def on_trial(node: Node, arguments: str, command: str = TRIAL) -> subprocess.CompletedProcess[str]:
    """Run a command on a node with these kernel arguments."""
    node.write("etc/cmdline", arguments)
    return node.boot(f"mount --bind /etc/cmdline /proc/cmdline; {command}; status=$?; cat /dev/kmsg; exit $status")


@pytest.fixture
def tried(node: Node) -> Node:
    """A node whose systemctl tells what it is asked for, and which waits no minute for a shutdown.

    The tests' machine keeps its own systemctl out of reach.
    """
    node.spoil = 'mount --bind /bin/false "$tree/usr/bin/systemctl"'
    node.write("usr/sbin/systemctl", '#!/bin/sh\necho "systemctl $*"\n')
    program = node.tree / "usr/lib/nfsbooted/trial"
    program.write_text(program.read_text().replace("SECONDS_TO_SHUT_DOWN=60", "SECONDS_TO_SHUT_DOWN=1"))
    return node


def test_a_boot_that_is_not_complete_in_time_is_ended(tried: Node) -> None:
    """The node shuts down, and is reset when it does not; its console says why."""
    done = on_trial(tried, "root=/dev/nfs nfsbooted.trial=1 quiet")
    assert [line for line in done.stdout.splitlines() if line.startswith("systemctl")] == [
        "systemctl --no-block reboot",
        "systemctl --force --force reboot",
    ]
    assert "this node does not shut down" in done.stdout


def test_a_boot_that_is_complete_goes_on(tried: Node) -> None:
    """Once the report's program has run, the node is left alone, whatever the clock says."""
    done = on_trial(tried, "nfsbooted.trial=1", f": > /run/nfsbooted/complete; {TRIAL}")
    assert (done.returncode, done.stdout) == (0, "")


def test_a_boot_may_become_complete_while_it_is_watched(tried: Node) -> None:
    """The watch ends by itself."""
    done = on_trial(tried, "nfsbooted.trial=999999", f"(sleep 1; : > /run/nfsbooted/complete) & timeout 20 {TRIAL}")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("value", ["", "soon", "0", "-1", "1234567", "9;reboot"])
def test_a_limit_that_is_no_number_is_said(tried: Node, value: str) -> None:
    """A mistake in the kernel's arguments does not start a node anew."""
    done = on_trial(tried, f"nfsbooted.trial={value}")
    assert (done.returncode, "wants a number of seconds" in done.stdout) == (0, True)
    assert "systemctl" not in done.stdout


@pytest.mark.parametrize(("nowayout", "written"), [("0", ".V"), ("1", "")])
def test_a_hardware_watchdog_is_held_during_the_trial(tried: Node, nowayout: str, written: str) -> None:
    """It gets signs of life until the boot is complete, and is then let go; one that cannot be is left alone."""
    prepare = (
        "mkdir -p /sys/class/watchdog/watchdog0; : > /dev/watchdog0; "
        f"echo {nowayout} > /sys/class/watchdog/watchdog0/nowayout"
    )
    watch = f"(sleep 1; : > /run/nfsbooted/complete) & timeout 20 {TRIAL}; cat /dev/watchdog0"
    done = on_trial(tried, "nfsbooted.trial=999999", f"{prepare}; {watch}")
    assert (done.returncode, done.stdout) == (0, written)
