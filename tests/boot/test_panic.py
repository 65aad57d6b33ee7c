"""A node whose kernel panics."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.cache import Cache
from builder.lab.cases.case import make_case
from builder.lab.checks.reboot import BOOT_ID
from builder.lab.machine.node import RESET_BY_ITSELF
from builder.lab.rack.rack import run_rack
from builder.lab.released.release import Release
from builder.lab.vocabulary.hardware import Firmware
from builder.settings.logs import DIRECTORY

pytestmark = [pytest.mark.boot, pytest.mark.full]

PANIC = "(sleep 1; echo c > /proc/sysrq-trigger) >/dev/null 2>&1 </dev/null &"
"""A second later, so that the node answers first (Linux, Documentation/admin-guide/sysrq.rst)."""
SECONDS_SHOWN = 30
"""For which the menu's panic= leaves the kernel's words on the screen."""


LAST_WORDS = ("sysrq: Trigger a crash", "Kernel panic - not syncing: sysrq triggered crash")
"""Words of a kernel that somebody has crash by its SysRq key (Linux, drivers/tty/sysrq.c, kernel/panic.c)."""


def test_node_starts_anew_after_a_panic(variant_to_boot: Callable[..., Release], tmp_path: Path, cache: Cache) -> None:
    """A kernel that panics shows why for half a minute, then has the machine start anew, and the node runs again.

    The kernel's last words are on the log server.
    """
    release = variant_to_boot("boot-panic", '[logs]\nserver = "cluster"\n')
    node = release.recipe.cluster.nodes[0]
    wanted = make_case(release, [node.name], Firmware.BIOS)
    with run_rack(release, wanted.server, wanted.kind, tmp_path, cache) as running:
        with running.power_on(node, Firmware.BIOS) as virtual:
            virtual.wait_until_running()
            first = virtual.ask(BOOT_ID).text
            virtual.machine.qmp.execute("set-action", reboot="shutdown")
            virtual.ask(PANIC)
            began = time.monotonic()
            assert virtual.machine.qmp.shutdown_reason(4 * SECONDS_SHOWN) == RESET_BY_ITSELF
            assert time.monotonic() - began > SECONDS_SHOWN
            virtual.machine.process.wait()
            log = running.run_on_server(["cat", f"{DIRECTORY}/{node.name}.log"]).text
        with running.power_on(node, Firmware.BIOS) as virtual:
            virtual.wait_until_running()
            second = virtual.ask(BOOT_ID).text
    by_kernel = [line for line in log.splitlines() if " netconsole: " in line]
    for words in LAST_WORDS:
        assert any(words in line for line in by_kernel), by_kernel
    assert len(first) == len(second) == 36
    assert first != second
