"""Checks of a node's mounts: its root, the layers of the root, and directories of the server that it can write to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from builder.lab.checks.model import Check, Finding, Subject
from builder.layout import Layout
from builder.overlay.writable import mounts
from builder.recipe.choices import STATE_KINDS, RootKind, WritableKind
from builder.recipe.models import Recipe

MOUNTS = "cat /proc/mounts"
LAYERS = "/run/initramfs/nfsroot"
"""The directory where the initramfs mounts the layers of an image's root (elements/initramfs-nfs/image)."""

NFS_KINDS = {3: "nfs", 4: "nfs4"}


@dataclass(frozen=True)
class Mount:
    """A line of /proc/mounts (proc_pid_mounts(5)), or an expected mount, whose source may be any if it is empty."""

    source: str
    target: str
    kind: str
    options: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.source} {self.target} {self.kind} {','.join(self.options)}"


def list_root_mounts(recipe: Recipe, version: str) -> tuple[Mount, ...]:
    """List the mounts that a node's root needs, the one at / first."""
    directory = Layout(recipe, version).server_directory
    if recipe.root.kind is RootKind.DIRECTORY:
        return (_expect_nfs(recipe, directory, "/", recipe.root.access),)
    export = Mount("", f"{LAYERS}/export", "tmpfs", ("ro",))
    if recipe.needs_nfs:
        export = _expect_nfs(recipe, directory, f"{LAYERS}/export", "ro")
    return (
        Mount("overlay", "/", "overlay", ("rw", f"lowerdir={LAYERS}/image")),
        Mount("", f"{LAYERS}/image", recipe.root.format, ("ro",)),
        export,
    )


def list_server_mounts(recipe: Recipe, version: str, node: str) -> tuple[Mount, ...]:
    """List the mounts of directories that nodes share, and of directories with state that outlives releases.

    On the server, a directory that belongs to one node has the node's name.
    """
    layout, state = Layout(recipe, version), recipe.state_places
    own = {WritableKind.NODE: f"/{node}"}
    return (
        *(_expect_nfs(recipe, layout.shared_directory + path, path, "rw") for path in recipe.root.shared),
        *(
            _expect_nfs(recipe, f"{state[mount.kind]}{own.get(mount.kind, '')}{mount.path}", mount.path, "rw")
            for mount in mounts(layout)
            if mount.kind in STATE_KINDS
        ),
    )


def _expect_nfs(recipe: Recipe, directory: str, target: str, access: str) -> Mount:
    version = recipe.root.nfs_version
    source = f"{recipe.cluster.server.address}:{directory}"
    return Mount(source, target, NFS_KINDS[version], (access, f"vers={version}", "proto=tcp", "hard"))


def compare_mounts(expected: Iterable[Mount], table: str) -> Finding:
    """Compare each expected mount with the last one at its mount point in `table`, the text of /proc/mounts.

    Any minor version of NFSv4 is right, because client and server negotiate it (vers=4.2).
    """
    mounted = {mount.target: mount for mount in map(_parse_mount, table.splitlines())}
    saw, problems = [], []
    for each in expected:
        found = mounted.get(each.target)
        saw.append(str(found) if found else "")
        problems += _compare_mount(each, found) if found else [f"nothing is mounted at {each.target}"]
    return Finding("; ".join(saw), tuple(problems))


def _parse_mount(line: str) -> Mount:
    source, target, kind, options, *_ = line.split()
    return Mount(source, target, kind, tuple(options.split(",")))


def _compare_mount(expected: Mount, found: Mount) -> list[str]:
    at = found.target
    problems = []
    if expected.source not in ("", found.source):
        problems.append(f"{at} comes from {found.source}, not from {expected.source}")
    if expected.kind != found.kind:
        problems.append(f"{at} is mounted as {found.kind}, not as {expected.kind}")
    options = {option.partition(".")[0] if option.startswith("vers=") else option for option in found.options}
    return problems + [f"{at} is mounted without {option}" for option in expected.options if option not in options]


def _check_root(subject: Subject) -> Finding:
    release = subject.release
    return compare_mounts(list_root_mounts(release.recipe, release.manifest.version), subject.ask(MOUNTS).text)


def _check_server_mounts(subject: Subject) -> Finding:
    release = subject.release
    expected = list_server_mounts(release.recipe, release.manifest.version, subject.node.name)
    return compare_mounts(expected, subject.ask(MOUNTS).text)


RELEASES_OWN = """\
mkdir -p /run/lab.tree && mount --bind / /run/lab.tree || exit 1
for command in "-l" "--audit" "--verify base-files nfs-common nfsbooted"; do
    dpkg $command >/run/lab.node 2>&1
    dpkg --root=/run/lab.tree $command >/run/lab.release 2>&1
    cmp -s /run/lab.node /run/lab.release && [ -s /run/lab.node -o "$command" != -l ] || echo "dpkg $command"
done
while read -r path; do
    diff -rq "/$path" "/run/lab.tree/$path" >/dev/null || echo "/$path"
    ! touch "/$path/lab" 2>/dev/null || echo "/$path takes files"
done </usr/lib/nfsbooted/release.list
umount /run/lab.tree
"""
"""Compares the node's records and files of packages with those of the release's tree, below all other mounts.

Prints each difference.
"""


def _check_records(subject: Subject) -> Finding:
    answer = subject.ask(RELEASES_OWN)
    problems = [f"{line} is not the release's own" for line in answer.text.splitlines()]
    if answer.status != 0 and not problems:
        problems = [f"the tree could not be compared: {answer.text}"]
    return Finding("dpkg -l, --audit and --verify say the same as in the release's tree", tuple(problems))


CHECKS = (
    Check(
        "root mount",
        "the root is the release's own on the server, by the version of NFS and of the kind that the recipe names",
        _check_root,
    ),
    Check(
        "shared directories",
        "each directory that nodes share, or that outlives releases, is the server's, by the recipe's version of NFS",
        _check_server_mounts,
        lambda subject: bool(subject.release.recipe.root.shared) or subject.release.recipe.root.keeps_state,
    ),
    Check(
        "packages' records",
        "what belongs to the release's packages comes from the release that runs, although /var outlives it",
        _check_records,
        lambda subject: subject.release.recipe.root.keeps_state,
    ),
)
