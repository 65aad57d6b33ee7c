from __future__ import annotations

import pytest
from lab_subject import Replies, subject

from builder.lab.checks.identity import HOST_KEYS, MACHINE_ID
from builder.lab.checks.reboot import BOOT_ID, check_return, read_boot
from builder.lab.machine.agent import Answer
from builder.recipe.choices import WritableKind
from builder.recipe.models import Recipe, WritableDirectory

NEW_BOOT = {BOOT_ID: "boot-2"}
NEW_KEYS = {HOST_KEYS: "256 SHA256:new root@ssi1 (ED25519)"}


def test_a_node_that_came_back(kerrighed: Recipe) -> None:
    """A node in another boot, up and with its identity, is the same node again."""
    finding = check_return(read_boot(subject(kerrighed, {})), subject(kerrighed, NEW_BOOT))
    assert (finding.problems, finding.saw) == ((), "in boot boot-2, with its machine-id and ssh host keys")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({BOOT_ID: "boot-1"}, "the node is still in boot boot-1"),
        (
            {"systemctl is-": "degraded", "systemctl list-": "tmp.mount"},
            "systemd's state is degraded; failed units: tmp.mount",
        ),
        (
            {"nfsbooted": Answer(1, "failed: machine-id is the node's own: x")},
            "failed: machine-id is the node's own: x",
        ),
        ({MACHINE_ID: "f" * 32}, f"the node's machine-id was 0123456789abcdef0123456789abcdef and is {'f' * 32}"),
        (NEW_KEYS, "the node has new ssh host keys"),
    ],
)
def test_a_node_that_is_another(kerrighed: Recipe, changes: Replies, problem: str) -> None:
    """A node that never went down, is not up again or lost its identity does not pass."""
    finding = check_return(read_boot(subject(kerrighed, {})), subject(kerrighed, {**NEW_BOOT, **changes}))
    assert finding.problems == (problem,)


def test_host_keys_in_memory(debian: Recipe) -> None:
    """Where the recipe keeps host keys in a node's memory, new ones are as they should be."""
    memory = (WritableDirectory(path="/var", kind=WritableKind.TMPFS),)
    recipe = debian.model_copy(update={"root": debian.root.model_copy(update={"writable": memory})})
    finding = check_return(read_boot(subject(recipe, {})), subject(recipe, {**NEW_BOOT, **NEW_KEYS}))
    assert (finding.problems, finding.saw) == ((), "in boot boot-2, with its machine-id")
