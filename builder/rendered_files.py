"""The files that nfsroot renders for the overlay, the boot menus and the server bundle."""

from __future__ import annotations

from dataclasses import dataclass
from mmap import mmap
from typing import TYPE_CHECKING

from builder.headers import release_header

if TYPE_CHECKING:
    from builder.layout import Layout


@dataclass(frozen=True)
class RenderedFile:
    """A file, directory or symbolic link to be put into an archive, owned by root and by the group `gid`.

    `path` is relative to the archive's root, without a slash at its end (`etc/fstab`).  A directory has
    `directory=True`; a symbolic link has `link` set to its target; any other file has `content`, in memory or mapped
    from a file.
    """

    path: str
    content: bytes | mmap = b""
    mode: int = 0o644
    link: str = ""
    directory: bool = False
    gid: int = 0


def text_file(path: str, text: str, mode: int = 0o644, gid: int = 0) -> RenderedFile:
    """A UTF-8 text file at `path` (relative to the archive's root)."""
    return RenderedFile(path, text.encode(), mode, gid=gid)


def header(layout: Layout) -> str:
    """The comment at the top of every rendered file: the version of nfsroot, the recipe and the release."""
    recipe = layout.recipe
    return release_header(layout.tool_version, recipe.file_name, recipe.image.name, layout.version)
