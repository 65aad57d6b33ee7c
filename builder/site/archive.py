"""Unpacks the root tarball of a release by tar(1) in a sandbox that can write nothing but the tree (bwrap(1)).

The archive may come from anybody.  It can neither fill the disk nor the memory: the bytes that tar gets are bounded by
the list of the tree, a file's size by the largest file in the list (prlimit(1)).
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from builder.errors import NfsrootError, NoSpaceError
from builder.events import Emit
from builder.parallel import crew
from builder.process import end
from builder.site.unpacked import Unpacked, follow_tar
from builder.store.errors import UntrustedError
from builder.store.transfer import Progress
from builder.store.tree_entries import Entry

CAPABILITIES = ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_MKNOD", "CAP_SETFCAP")
"""The capabilities that tar needs as root, for owners, modes, devices and file capabilities."""

MEMORY = 1 << 30
"""The most memory that tar may use, in bytes: a hostile header may ask for any amount."""

BLOCK = 512
BYTES_BESIDE = 2048
"""Bytes of an archive for each path, beside its content and its name: headers, and the padding of a block."""

ENDS = 1 << 20
"""Bytes of an archive beside its paths: the blocks at its end, and the padding of the last record."""

PIECE = 1 << 20
"""Bytes that are moved from zstd to tar at once."""

SHOWN = 5
"""The most lines of tar's messages that an error shows."""


@dataclass(frozen=True)
class Tar:
    """The result of a run of tar: its exit status, what it has unpacked, and its messages."""

    status: int
    unpacked: Unpacked
    complaints: str


def unpack_archive(
    archive: Path, directory: Path, entries: Mapping[str, Entry], emit: Emit, clones: Collection[str] = frozenset()
) -> Unpacked:
    """Unpack a root tarball, which holds each path of the list of the tree once, into a directory.

    The directory is empty but for the files at the paths in `clones`, which keep their content and get their times.

    :raises UntrustedError: the archive holds other paths, or more bytes, than the list of the tree.
    :raises NoSpaceError: the disk is full.
    :raises NfsrootError: a program is missing, or this machine lets nobody make a sandbox.
    """
    largest = max((_bytes_of_messages(entries.values()), *(entry.size for entry in entries.values())))
    zstd = _start(["zstd", "--decompress", "--stdout", "--quiet", str(archive)], stdin=subprocess.DEVNULL)
    try:
        argv = sandbox(directory, largest, keep=bool(clones))
        follow = partial(follow_tar, tree=directory, entries=entries, clones=clones)
        tar, too_long = _run_tar(zstd, argv, _most_bytes(entries.values()), follow, emit)
        if not too_long:
            zstd.wait()  # all its output was read: it ends by itself, a little later
    finally:
        end(zstd)
    if too_long:
        raise _refused(archive, "it holds more bytes than the list of its tree adds up to")
    _check(archive, tar)
    if zstd.returncode:
        raise UntrustedError(f"{archive} is damaged: zstd cannot unpack it")
    unpacked = tar.unpacked
    if unpacked.stranger:
        raise _refused(archive, f"it holds a path twice, or one that the list of its tree lacks: {unpacked.stranger}")
    if len(unpacked.members) != len(entries):
        raise _refused(archive, f"it holds {len(unpacked.members)} paths, and the list of its tree has {len(entries)}")
    return unpacked


def sandbox(directory: Path, largest: int, *, keep: bool = False) -> list[str]:
    """The command that runs tar in a sandbox: tar reads programs and libraries, and writes to `directory`, as /tree."""
    argv = ["bwrap", "--die-with-parent", "--clearenv"]
    argv += ["--setenv", "PATH", "/usr/bin:/bin", "--setenv", "LC_ALL", "C", "--setenv", "TZ", "UTC0"]
    argv += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--cap-drop", "ALL"]
    for capability in CAPABILITIES:
        argv += ["--cap-add", capability]
    for path in ("/usr", "/lib", "/lib64", "/bin"):
        argv += ["--ro-bind-try", path, path]
    argv += ["--bind", str(directory), "/tree", "--remount-ro", "/", "--chdir", "/tree", "--"]
    argv += ["prlimit", f"--fsize={largest}", f"--as={MEMORY}", "--core=0", "--"]
    argv += ["tar", "--extract", "--file=-", "--numeric-owner", "--same-permissions", "--same-owner", "--xattrs"]
    argv += ["--xattrs-include=user.*", "--xattrs-include=security.capability"]
    argv += ["-vv", "--full-time", "--quoting-style=escape", "--warning=no-timestamp"]  # -v asks for more warnings
    return [*argv, *(["--skip-old-files", "--warning=no-existing-file"] if keep else [])]


def _run_tar(
    zstd: subprocess.Popen[bytes], argv: list[str], most: int, follow: Callable[[IO[bytes]], Unpacked], emit: Emit
) -> tuple[Tar, bool]:
    """Feed tar with the bytes that zstd unpacks, `most` at most; the second value says that there were more.

    `follow` reads tar's list in another thread.
    """
    with _memory() as said, crew(1) as aside:
        tar = _start(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said)
        assert tar.stdout
        followed = aside.begin(partial(follow, tar.stdout))
        try:
            too_long = _hand_over(zstd, tar, most, emit)
            if too_long:
                end(tar)
            status = tar.wait()
        finally:
            end(tar)
        return Tar(status, followed(), _text(said).decode(errors="backslashreplace")), too_long


def _hand_over(zstd: subprocess.Popen[bytes], tar: subprocess.Popen[bytes], most: int, emit: Emit) -> bool:
    """Move bytes from zstd to tar within the kernel (splice(2)); true when there are more than `most`."""
    assert zstd.stdout and tar.stdin
    source, target, progress = zstd.stdout.fileno(), tar.stdin.fileno(), Progress("unpack", most, emit)
    try:
        while progress.done <= most and (moved := os.splice(source, target, PIECE)):
            progress.add(moved)
    except BrokenPipeError:  # tar has seen the archive's end, or has failed; zstd says whether the rest is whole
        while progress.done <= most and (left := os.read(source, PIECE)):
            progress.add(len(left))
    tar.stdin.close()
    return progress.done > most


def _check(archive: Path, tar: Tar) -> None:
    """Refuse an archive when tar wrote any message, or failed."""
    said = [line for line in tar.complaints.splitlines() if line]
    words = "\n".join(f"  | {line}" for line in said[:SHOWN])
    if said and said[0].startswith("bwrap: "):
        raise NfsrootError(
            "this machine lets nobody make a sandbox, in which the archive is unpacked",
            details=words,
            resolution="Run nfsroot-site as root, and in a container with the privilege to mount (CAP_SYS_ADMIN).",
        )
    if "No space left on device" in tar.complaints or "Disk quota exceeded" in tar.complaints:
        raise NoSpaceError("the disk is full", details=words, resolution="Make room, and unpack once more.")
    if said or tar.status:
        ended = f"tar was ended by {signal.Signals(tar.status - 128).name}" if tar.status > 128 else "tar refuses it"
        raise UntrustedError(
            f"{archive} cannot be unpacked: {ended}",
            details=words,
            resolution="The archive is not what nfsroot makes: ask its publisher.",
        )


def _most_bytes(entries: Collection[Entry]) -> int:
    """The most bytes that the archive of a tree may have."""
    paths, targets = _bytes_of_names(entries)
    sizes = sum(entry.size for entry in entries)
    return ENDS + sizes + len(entries) * (BLOCK + BYTES_BESIDE) + 2 * (paths + targets)


def _bytes_of_messages(entries: Collection[Entry]) -> int:
    """The most bytes of tar's messages, one for each path: they go into a file, which has the limit of all files."""
    paths, targets = _bytes_of_names(entries)
    return len(entries) * BLOCK + 8 * paths + 4 * targets


def _bytes_of_names(entries: Collection[Entry]) -> tuple[int, int]:
    """The bytes of all paths together, and of all targets."""
    paths, targets = "".join(entry.path for entry in entries), "".join(entry.target for entry in entries)
    return len(os.fsencode(paths)), len(os.fsencode(targets))


def _refused(archive: Path, why: str) -> UntrustedError:
    return UntrustedError(
        f"{archive} is refused: {why}", resolution="The archive is not what nfsroot makes: ask its publisher."
    )


def _memory() -> IO[bytes]:
    return os.fdopen(os.memfd_create("tar"), "w+b")


def _text(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _start(
    argv: list[str], *, stdin: int, stdout: IO[bytes] | int = subprocess.PIPE, stderr: IO[bytes] | int | None = None
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr if stderr is not None else subprocess.DEVNULL,
            start_new_session=True,
            pipesize=PIECE,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
    except OSError as error:
        raise NfsrootError(
            f"{argv[0]} cannot be started: {error.strerror}",
            resolution="apt-get install --no-install-recommends bubblewrap zstd",
        ) from error
