"""The stock configuration: a release as its packages come, booted by the initramfs that Debian makes of itself."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from builder.lab.released.release import Release, read_release
from builder.release.manifest import FILE, Part, ReleasedFile

AS_PACKAGED = """\
tree=$1 version=$2
mount --bind /dev "$tree/dev"
mount -t proc proc "$tree/proc"
cd "$tree/etc/systemd"
while read -r unit _; do
    rm -f "system/$unit" "system-generators/$unit"
done < "$tree/usr/share/nfsbooted/masked-units"
ln -s /usr/lib/systemd/system/rpcbind.service system/multi-user.target.wants/
find "$tree/usr/lib/systemd/system" -name nfsbooted-less-work.conf -delete
sed -i 's/^MODULES=.*/MODULES=netboot/' "$tree/etc/initramfs-tools/initramfs.conf"
chroot "$tree" mkinitramfs -o /run/initrd "$version"
mv "$tree/run/initrd" "$3"
"""
"""Undo what nfsbooted does to units, and make an initramfs for network boots with initramfs-tools' own settings.

What it does for a node to be itself, ssh host keys included, it does here, too: without that there would be no node to
measure.
"""

PACK = """\
tar --create --format=pax --blocking-factor=1 --numeric-owner --xattrs --xattrs-include='*' --directory="$1" . |
    head -c -1024 | zstd -q -3 -T0 > "$2"
"""
"""Without the blocks that end an archive: the cluster's files follow as in any root tarball."""


def copied(release: Release, room: Path) -> Release:
    """A copy of `release` in `room`, without what a lab said of it."""
    directory = room / release.directory.parent.name / release.directory.name
    shutil.copytree(release.directory, directory, ignore=shutil.ignore_patterns("lab.*"))
    return read_release(directory)


def stock(release: Release, room: Path) -> Release:
    """A release like `release`, a tree on NFS, but stock; it is made in `room` and needs root."""
    made = copied(release, room)
    tree_archive, overlay, directories = _split(made)
    root, initrd = made.overlay, made.directory / f"initrd.img-{made.manifest.kernel_version}"
    with tempfile.TemporaryDirectory(dir=room) as scratch:
        tree = Path(scratch, "tree")
        tree.mkdir()
        unpack = ["tar", "--zstd", "--ignore-zeros", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-xp"]
        subprocess.run([*unpack, "-C", tree], input=tree_archive + directories, check=True)
        root.unlink()
        initrd.unlink()
        _sh(["unshare", "--mount"], AS_PACKAGED, tree, made.manifest.kernel_version, initrd)
        _sh([], PACK, tree, root)
    parts = (root.read_bytes(), overlay, directories)
    root.write_bytes(b"".join(parts))
    _replace(made.server_bundle, initrd)
    manifest = made.manifest.model_copy(update={"files": tuple(_with_parts(made, root.name, parts))})
    (made.directory / FILE).write_text(manifest.text(), encoding="utf-8")
    return replace(made, manifest=manifest)


def _split(release: Release) -> tuple[bytes, bytes, bytes]:
    """The root tarball's archives of the tree, of the overlay, and of the tree's directories."""
    content = release.overlay.read_bytes()
    sizes = next(file.parts for file in release.manifest.files if file.path == release.overlay.name)
    end, start = len(content) - sizes[-1].size, len(content) - sizes[-1].size - sizes[-2].size
    return content[:start], content[start:end], content[end:]


def _with_parts(release: Release, path: str, parts: Sequence[bytes]) -> Iterator[ReleasedFile]:
    """The files of a release, of which that at `path` consists of these parts."""
    described = tuple(Part(sha256=hashlib.sha256(part).hexdigest(), size=len(part)) for part in parts)
    for file in release.manifest.files:
        if file.path == path:
            whole = b"".join(parts)
            digest = hashlib.sha256(whole).hexdigest()
            yield ReleasedFile(path=path, size=len(whole), sha256=digest, parts=described)
        else:
            yield file


def _sh(within: list[str], script: str, *arguments: str | Path) -> None:
    subprocess.run([*within, "bash", "-euo", "pipefail", "-c", script, "bash", *arguments], check=True)


def _replace(bundle: Path, file: Path) -> None:
    """Put `file` in the place of what has its name in a server bundle."""
    content = file.read_bytes()
    with tarfile.open(bundle) as before:
        bundle.unlink()
        with tarfile.open(bundle, "w:gz", compresslevel=1) as after:
            for member in before:
                data = before.extractfile(member) if member.isreg() else None
                if Path(member.name).name == file.name:
                    member.size, data = len(content), io.BytesIO(content)
                after.addfile(member, data)
