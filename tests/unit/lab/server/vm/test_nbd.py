"""The NBD server, by the protocol that QEMU speaks (doc/proto.md of the NBD project)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.lab.server.vm.disk import BLOCK, Disk, open_disk
from builder.lab.server.vm.nbd import serve_disk

READ, WRITE, DISCONNECT, FLUSH, TRIM = range(5)


class Client:
    """A client that has agreed with the server on the disk."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        assert self.take(16) == b"NBDMAGICIHAVEOPT"
        assert self.take(2) == b"\0\3"
        self.socket.sendall(struct.pack("!I", 3))
        self.unsupported = self.option(8)
        self.infos = self.option(7, struct.pack("!IH", 0, 0))

    def take(self, count: int) -> bytes:
        """The next bytes."""
        taken = b""
        while len(taken) < count:
            more = self.socket.recv(count - len(taken))
            assert more, "the server has hung up"
            taken += more
        return taken

    def option(self, number: int, data: bytes = b"") -> list[tuple[int, bytes]]:
        """The replies to an option, up to an error or the last of all: their kinds, and what they say."""
        self.socket.sendall(b"IHAVEOPT" + struct.pack("!II", number, len(data)) + data)
        replies: list[tuple[int, bytes]] = []
        while not replies or replies[-1][0] == 3:
            magic, option, kind, length = struct.unpack("!QIII", self.take(20))
            assert (magic, option) == (0x3E889045565A9, number)
            replies.append((kind, self.take(length)))
        return replies

    def ask(self, command: int, offset: int = 0, length: int = 0, data: bytes = b"", flags: int = 0) -> None:
        """Send a request."""
        self.socket.sendall(struct.pack("!IHHQQI", 0x25609513, flags, command, 7, offset, length or len(data)) + data)

    def error(self) -> int:
        """The error number of the next reply."""
        magic, error, cookie = struct.unpack("!IIQ", self.take(16))
        assert (magic, cookie) == (0x67446698, 7)
        return int(error)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that is served."""
    (tmp_path / "base").write_bytes(b"o" * 8 * BLOCK)
    with open_disk(tmp_path / "base", "a") as opened, serve_disk(opened, tmp_path / "disk.sock"):
        yield opened


def test_what_is_agreed_on(disk: Disk, tmp_path: Path) -> None:
    """Unknown options are refused; a client learns size and block size, and that it may flush."""
    client = Client(tmp_path / "disk.sock")
    assert [kind for kind, _ in client.unsupported] == [2**31 + 1]
    (_, export), (_, sizes), (last, _) = client.infos
    assert struct.unpack("!HQH", export) == (0, 8 * BLOCK, 0b1101)
    assert struct.unpack("!HIII", sizes)[:3] == (3, BLOCK, BLOCK)
    assert last == 1


def test_read_write_flush(disk: Disk, tmp_path: Path) -> None:
    """What is written is read; only what is flushed, or goes through, is safe when the power is cut."""
    client = Client(tmp_path / "disk.sock")
    for place, flags in ((1, 0), (2, 1)):
        client.ask(WRITE, place * BLOCK, data=b"n" * BLOCK, flags=flags)
        assert client.error() == 0
    client.ask(READ, 0, 3 * BLOCK)
    assert client.error() == 0
    assert client.take(3 * BLOCK) == b"o" * BLOCK + b"n" * 2 * BLOCK
    assert disk.pending == 1
    client.ask(FLUSH)
    assert client.error() == 0
    assert disk.pending == 0
    client.ask(TRIM, 0, BLOCK)
    assert client.error() == 22


def test_next_machine(disk: Disk, tmp_path: Path) -> None:
    """A client that disconnects, or is killed, makes room for the next one, which finds what was written."""
    first = Client(tmp_path / "disk.sock")
    first.ask(WRITE, 0, data=b"n" * BLOCK)
    assert first.error() == 0
    first.ask(DISCONNECT)
    second = Client(tmp_path / "disk.sock")
    second.socket.close()
    third = Client(tmp_path / "disk.sock")
    third.ask(READ, 0, BLOCK)
    assert third.error() == 0
    assert third.take(BLOCK) == b"n" * BLOCK


def test_power_cut(disk: Disk, tmp_path: Path) -> None:
    """The write at which the power is cut gets no answer: the server hangs up."""
    client = Client(tmp_path / "disk.sock")
    disk.cut_power_after(0, lambda: None)
    client.ask(WRITE, 0, data=b"n" * BLOCK)
    assert client.socket.recv(1) == b""
    Client(tmp_path / "disk.sock")
