"""What ought to be mounted on a node, and whether it is: its root, with what lies beneath, and shared directories."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from builder.lab.checks.model import Check, Finding, Subject
from builder.recipe.models import Recipe, RootKind

MOUNTS = "cat /proc/mounts"
LAYERS = "/run/initramfs/nfsroot"
"""Where the initramfs mounts what lies beneath the root of an image (elements/initramfs-nfs/image)."""

NFS_KINDS = {3: "nfs", 4: "nfs4"}


@dataclass(frozen=True)
class Mount:
    """A line of /proc/mounts (proc_pid_mounts(5)), or what has to be in it; any source will do for an empty one."""

    source: str
    target: str
    kind: str
    options: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.source} {self.target} {self.kind} {','.join(self.options)}"


def root(recipe: Recipe, version: str) -> tuple[Mount, ...]:
    """The mounts of the root, the one at / first."""
    directory = recipe.server_directory(version)
    if recipe.root.kind is RootKind.DIRECTORY:
        return (_nfs(recipe, directory, "/", recipe.root.access),)
    export = Mount("", f"{LAYERS}/export", "tmpfs", ("ro",))
    if recipe.needs_nfs:
        export = _nfs(recipe, directory, f"{LAYERS}/export", "ro")
    return (
        Mount("overlay", "/", "overlay", ("rw", f"lowerdir={LAYERS}/image")),
        Mount("", f"{LAYERS}/image", recipe.root.format, ("ro",)),
        export,
    )


def shared(recipe: Recipe, version: str) -> tuple[Mount, ...]:
    """The mounts of the directories that nodes share."""
    directory = recipe.shared_directory(version)
    return tuple(_nfs(recipe, directory + path, path, "rw") for path in recipe.root.shared)


def _nfs(recipe: Recipe, directory: str, target: str, access: str) -> Mount:
    version = recipe.root.nfs_version
    source = f"{recipe.cluster.server.address}:{directory}"
    return Mount(source, target, NFS_KINDS[version], (access, f"vers={version}", "proto=tcp", "hard"))


def compare(expected: Iterable[Mount], table: str) -> Finding:
    """Whether each is in `table`, the text of /proc/mounts, at the top of its mount point.

    Of NFSv4, client and server agree on a minor version (vers=4.2).
    """
    mounted = {mount.target: mount for mount in map(_mount, table.splitlines())}
    saw, problems = [], []
    for each in expected:
        found = mounted.get(each.target)
        saw.append(str(found) if found else "")
        problems += _differences(each, found) if found else [f"nothing is mounted at {each.target}"]
    return Finding("; ".join(saw), tuple(problems))


def _mount(line: str) -> Mount:
    source, target, kind, options, *_ = line.split()
    return Mount(source, target, kind, tuple(options.split(",")))


def _differences(expected: Mount, found: Mount) -> list[str]:
    at = found.target
    problems = []
    if expected.source not in ("", found.source):
        problems.append(f"{at} comes from {found.source}, not from {expected.source}")
    if expected.kind != found.kind:
        problems.append(f"{at} is mounted as {found.kind}, not as {expected.kind}")
    options = {option.partition(".")[0] if option.startswith("vers=") else option for option in found.options}
    return problems + [f"{at} is mounted without {option}" for option in expected.options if option not in options]


def _root(subject: Subject) -> Finding:
    release = subject.release
    return compare(root(release.recipe, release.manifest.version), subject.ask(MOUNTS).text)


def _shared(subject: Subject) -> Finding:
    release = subject.release
    return compare(shared(release.recipe, release.manifest.version), subject.ask(MOUNTS).text)


CHECKS = (
    Check(
        "root mount",
        "the root is the release's own on the server, by the version of NFS and of the kind that the recipe names",
        _root,
    ),
    Check(
        "shared directories",
        "each directory that nodes share is the server's, by the version of NFS that the recipe names",
        _shared,
        lambda subject: bool(subject.release.recipe.root.shared),
    ),
)
