"""Files that we render: the common currency of overlay, menus and server bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, order=True)
class RenderedFile:
    """A file, directory or symbolic link to be put into an archive, owned by root:root.

    `path` is relative to the archive's root (`etc/fstab`).  A directory has `directory=True`; a symbolic link
    has `link` set to its target; any other file has `content`.
    """

    path: PurePosixPath
    content: bytes = b""
    mode: int = 0o644
    link: str = ""
    directory: bool = False


def text_file(path: str, text: str, mode: int = 0o644) -> RenderedFile:
    """A UTF-8 text file at `path` (relative to the archive's root)."""
    return RenderedFile(PurePosixPath(path), text.encode(), mode)
