"""Node ssi1 of every recipe boots by PXE, from the servers that its release configures, and passes every check."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path

import pytest
from first_boot import EVERY_CHECK, NODE, WITHOUT_KEYS, WITHOUT_LOG_SERVER, Boot
from picture import colours

from builder.lab.checks.reboot import REBOOT
from builder.lab.report.report import LabReport
from builder.lab.vocabulary.phase import Phase
from builder.release.manifest import Lab
from builder.release.verdict import read

pytestmark = pytest.mark.boot


def test_node_passes_every_check(boot: Boot) -> None:
    """The node boots to `running`, everything that must hold on it holds, and it shuts down cleanly."""
    assert boot.wrong == []
    assert boot.report.verdict is Lab.PASSED


def test_no_check_was_left_out(boot: Boot) -> None:
    """Only checks that a recipe gives no reason for were not made."""
    needless = {"lockdown"} | WITHOUT_KEYS | WITHOUT_LOG_SERVER
    if boot.release.recipe.kerrighed:
        needless |= {"shared directories", "writable directories", "packages' records"}
    else:
        needless |= {"Kerrighed ids", "reboot"}
    assert {check.name for check in boot.node.checks} == EVERY_CHECK - needless


def test_kerrighed_node_comes_back(boot: Boot) -> None:
    """Told to start anew, a node goes down, boots and is up again, in another boot and as the same node."""
    reasons = [check.reason for check in boot.node.checks if check.name == REBOOT[0] and check.passed]
    assert len(reasons) == (1 if boot.release.recipe.kerrighed else 0)
    assert all(reason.endswith("with its machine-id and ssh host keys") for reason in reasons)


def test_every_phase_was_seen(boot: Boot) -> None:
    """The network and the node showed the end of each phase by an event of its own."""
    assert [time.phase for time in boot.node.phases] == list(Phase)
    assert [time for time in boot.node.phases if time.ended <= time.began] == []


def test_screen_is_calm(boot: Boot) -> None:
    """What a person sees of a healthy node is the prompt to log in, and no message after it."""
    assert boot.screen.rstrip().endswith(f"{NODE} login:")


def test_page_shows_the_screen(boot: Boot) -> None:
    """The lab's page has a picture of the node's screen, with letters of more than one colour."""
    page = (boot.release.directory / "lab.html").read_text()
    found = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", page)
    assert found
    assert len(colours(base64.b64decode(found[1]))) > 1


def test_node_loaded_its_release(boot: Boot) -> None:
    """The loader is the page's; kernel and initramfs came over TFTP, and much of the tree over NFS."""
    manifest = boot.release.manifest
    sizes = {Path(file.path).name: file.size for file in manifest.files}
    kernel, initramfs = f"vmlinuz-{manifest.kernel_version}", f"initrd.img-{manifest.kernel_version}"
    assert boot.node.loader == "/pxegrub"
    assert boot.node.traffic.tftp > sizes[kernel] + sizes[initramfs]
    assert boot.node.traffic.nfs > 10_000_000


def test_release_carries_its_verdict(boot: Boot) -> None:
    """Report and page stand in the release, and no byte that was built has changed."""
    directory = boot.release.directory
    assert read(directory) is Lab.PASSED
    assert LabReport.model_validate(json.loads((directory / "lab.json").read_text())).cells
    assert NODE in (directory / "lab.html").read_text()
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=directory, check=True)
