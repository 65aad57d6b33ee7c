"""Elements whose hooks fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from command import Project

pytestmark = pytest.mark.container

HOOK = """\
#!/bin/bash
set -euo pipefail
echo "configuring the frobnicator"
echo "the frobnicator has no teeth" >&2
exit 1
"""


def test_failing_hook_is_named_with_its_last_lines(project: Callable[..., Project]) -> None:
    """When an element's hook fails, the message names element, phase and script and shows what it said last."""
    made = project()
    element = made.directory / "elements" / "frobnicator"
    (element / "install.d").mkdir(parents=True)
    (element / "element.toml").write_text('description = "Fails"\npackages = []\n')
    (element / "install.d" / "10-teeth").write_text(HOOK)
    (element / "install.d" / "10-teeth").chmod(0o755)
    made.tiny(elements=["debian-root", "nfsroot", "initramfs-nfs", "frobnicator"])
    message = made.build().refusal()
    assert message.startswith("nfsroot: element frobnicator: install.d/10-teeth failed\n")
    assert "| configuring the frobnicator" in message
    assert "| the frobnicator has no teeth" in message
    assert str(made.cache / "logs" / "tiny-tree.log") in message
    assert made.left() == []
    assert made.working() == []
