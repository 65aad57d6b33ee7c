"""Node ssi1 of every recipe boots by PXE, from the servers that its release configures, to `running`."""

from __future__ import annotations

import re

import pytest
from first_boot import NODE, Boot

from builder.lab.phases import Phase

pytestmark = pytest.mark.boot


def test_host_name_is_the_nodes(boot: Boot) -> None:
    """The node has the name that the cluster file gives its address."""
    assert boot.state.host_name == NODE


def test_root_is_the_release_on_nfs(boot: Boot) -> None:
    """The root is the release's own directory on the server, mounted over NFS as the recipe says."""
    manifest, recipe = boot.release.manifest, boot.release.recipe
    root = boot.state.root
    assert root.kind in ("nfs", "nfs4")
    assert root.source == f"{recipe.cluster.server.address}:{manifest.server_directory}"
    assert root.options[0] == recipe.root.access


def test_only_writable_directories_take_files(boot: Boot) -> None:
    """A node can write where its recipe says, and nowhere else."""
    assert {directory for directory, writable in boot.state.writable.items() if writable} == boot.writable


def test_machine_id_is_set(boot: Boot) -> None:
    """The node has a machine-id although its tree has none (machine-id(5): 32 lower-case hexadecimal digits)."""
    assert re.fullmatch(r"[0-9a-f]{32}", boot.state.machine_id)


def test_system_runs_without_a_failed_unit(boot: Boot) -> None:
    """systemd finished starting the node and no unit failed."""
    assert (boot.state.system_state, boot.state.failed_units) == ("running", ()), boot.state.journal


def test_nfsbooted_has_done_all_its_duties(boot: Boot) -> None:
    """`nfsbooted --check` calls each of its duties ok and exits with 0."""
    lines = boot.state.check.text.splitlines()
    assert lines
    assert [line for line in lines if not line.startswith("ok: ")] == []
    assert boot.state.check.status == 0


def test_kernel_is_the_releases(boot: Boot) -> None:
    """The node runs the kernel that the manifest names."""
    assert boot.state.kernel == boot.release.manifest.kernel_version


def test_every_phase_was_seen(boot: Boot) -> None:
    """The network and the node showed the end of each phase by an event of its own."""
    assert set(boot.seconds) == set(Phase)
    assert [phase for phase, seconds in boot.seconds.items() if seconds <= 0] == []
