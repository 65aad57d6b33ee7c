"""Two releases that a node boots one after the other, with what it keeps on the server in between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from first_boot import NODE, Boot, booted, reasons

from builder.cache import Cache
from builder.lab.released.release import Release
from builder.lab.vocabulary.hardware import Firmware

pytestmark = pytest.mark.boot

UPDATE = """\
[debian]
packages = ["chrony", "tmux"]
"""
"""What the second release has more: an account of its own, with a directory below /var."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the server keeps of nodes, between the two."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def boots(
    release_to_boot: Callable[[str], Release],
    variant_to_boot: Callable[..., Release],
    cache: Cache,
    state: Path,
) -> tuple[Boot, Boot]:
    """The node with the shipped recipe's release, and then with that of an update."""
    first = booted(release_to_boot("debian-nfsroot"), cache, Firmware.BIOS, state=state)
    (state / f"nodes/{NODE}/var/lib/of-the-node").write_text("kept\n")
    (state / "all/home/of-all").write_text("kept\n")
    return first, booted(variant_to_boot("boot-update", UPDATE), cache, Firmware.BIOS, state=state)


def test_both_pass(boots: tuple[Boot, Boot]) -> None:
    """Every check holds: mounts, dpkg's words on its packages and the release's records, nfsbooted's duties."""
    assert [boot.wrong for boot in boots] == [[], []]
    assert all("packages' records" in reasons(boot) for boot in boots)


def test_host_keys_stay(boots: tuple[Boot, Boot]) -> None:
    """The node shows the same ssh host keys with both releases."""
    first, second = (reasons(boot)["ssh host keys"] for boot in boots)
    assert first == second
    assert "SHA256:" in first


def test_what_was_written_stays(boots: tuple[Boot, Boot], state: Path) -> None:
    """Files that were there when the second release came are there still, and its new directory has its owner."""
    assert (state / f"nodes/{NODE}/var/lib/of-the-node").read_text() == "kept\n"
    assert (state / "all/home/of-all").read_text() == "kept\n"
    assert (state / f"nodes/{NODE}/var/lib/chrony").stat().st_uid == 121
    assert list((state / f"nodes/{NODE}/var/lib/dpkg").iterdir()) == []
