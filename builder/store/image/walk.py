"""Finds where the members of a tar archive (pax(1)) begin and end, while the archive is read in pieces."""

from __future__ import annotations

import posixpath

BLOCK = 512
KIND, SIZE, MAGIC = slice(156, 157), slice(124, 136), slice(257, 262)
NAME, LINK, PREFIX = slice(0, 100), slice(157, 257), slice(345, 500)
"""Fields of a header: the member's type, size in octal digits, `ustar`; its path in two fields; its target."""
EXTENDED, HARD_LINK, DIRECTORY = b"x", b"1", b"5"
MOST_RECORDS = 1 << 20
"""The most bytes of an extended header: paths and extended attributes of one member."""


class NotTarError(ValueError):
    """The bytes are no tar archive of the form that nfsroot writes."""


class TarWalk:
    """Collects the paths of members, and the targets of hard links, between two calls of `take`."""

    def __init__(self) -> None:
        self._skip = 0
        self._held = bytearray()
        self._wanted = BLOCK
        self._records: dict[bytes, bytes] | None = None
        self._record_bytes = 0
        self._paths: list[str] = []
        self._targets: list[str] = []

    @property
    def is_between_members(self) -> bool:
        """Whether a member has ended, and no other one has begun."""
        return not self._skip and not self._held and self._records is None and not self._record_bytes

    def take(self) -> tuple[list[str], list[str]]:
        """The paths of members but directories, and the targets of hard links, since the last call."""
        taken = self._paths, self._targets
        self._paths, self._targets = [], []
        return taken

    def feed(self, data: bytes) -> None:
        """Read the next bytes of the archive.

        :raises NotTarError: a header is expected, and the bytes are none.
        """
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
            else:
                step = min(self._wanted - len(self._held), len(data) - at)
                self._held += data[at : at + step]
                if len(self._held) == self._wanted:
                    block, self._held = bytes(self._held), bytearray()
                    self._read(block)
            at += step

    def _read(self, block: bytes) -> None:
        """Read a header, or the records that came after an extended one."""
        if self._record_bytes:
            self._records = _read_records(block[: self._record_bytes])
            self._record_bytes, self._wanted = 0, BLOCK
        elif not block.strip(b"\0"):  # the archive's end
            return
        elif block[MAGIC] != b"ustar":
            raise NotTarError("a header is expected, and the bytes are none")
        elif block[KIND] == EXTENDED:
            self._record_bytes = _number(block[SIZE])
            if not 0 < self._record_bytes <= MOST_RECORDS:
                raise NotTarError(f"an extended header announces {self._record_bytes} bytes")
            self._wanted = self._record_bytes + -self._record_bytes % BLOCK
        else:
            self._note(block, self._records or {})
            self._records = None

    def _note(self, header: bytes, records: dict[bytes, bytes]) -> None:
        name = records.get(b"path") or b"/".join(filter(None, (_text(header[PREFIX]), _text(header[NAME]))))
        size = int(records[b"size"]) if b"size" in records else _number(header[SIZE])
        if header[KIND] == HARD_LINK:
            self._targets.append(_path(records.get(b"linkpath") or _text(header[LINK])))
            size = 0  # an archive may tell the size of the file without its content
        if header[KIND] != DIRECTORY:
            self._paths.append(_path(name))
        self._skip = size + -size % BLOCK


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _path(name: bytes) -> str:
    return posixpath.normpath(name.decode(errors="surrogateescape"))


def _number(field: bytes) -> int:
    try:
        return int(_text(field).strip() or b"0", 8)
    except ValueError as error:
        raise NotTarError(f"{field!r} is no size") from error


def _read_records(records: bytes) -> dict[bytes, bytes]:
    """The records of an extended header, each `LENGTH KEY=VALUE` and a newline; values may hold any byte."""
    read: dict[bytes, bytes] = {}
    while records:
        length, _, _ = records.partition(b" ")
        if not length.isdigit() or int(length) <= len(length):
            raise NotTarError("a record of an extended header has no length")
        key, _, value = records[len(length) + 1 : int(length) - 1].partition(b"=")
        read[key] = value
        records = records[int(length) :]
    return read
