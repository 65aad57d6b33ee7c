"""A server that gives QEMU a disk over a Unix socket, by the NBD protocol (doc/proto.md of the NBD project)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.lab.server.vm.disk import BLOCK, Disk
from builder.parallel import Stopped, beside

GREETING = struct.pack("!QQH", 0x4E42444D41474943, 0x49484156454F5054, 0b11)
"""NBDMAGIC, IHAVEOPT and the flags FIXED_NEWSTYLE and NO_ZEROES."""

CLIENT_FLAGS = struct.Struct("!I")
OPTION = struct.Struct("!QII")
OPTION_REPLY = struct.Struct("!QIII")
OPTION_REPLY_MAGIC = 0x0003E889045565A9
OPT_ABORT, OPT_GO = 2, 7
REP_ACK, REP_INFO, REP_ERR_UNSUPPORTED = 1, 3, 2**31 + 1

EXPORT = struct.Struct("!HQH")
BLOCK_SIZE = struct.Struct("!HIII")
INFO_EXPORT, INFO_BLOCK_SIZE = 0, 3
TRANSMISSION_FLAGS = 0b1101
"""HAS_FLAGS, SEND_FLUSH and SEND_FUA."""

MOST = 32 * 1024 * 1024
"""The bytes of the longest request that every server has to take."""

REQUEST = struct.Struct("!IHHQQI")
REPLY = struct.Struct("!IIQ")
REPLY_MAGIC = 0x67446698
CMD_READ, CMD_WRITE, CMD_DISCONNECT, CMD_FLUSH = 0, 1, 2, 3
FORCE_UNIT_ACCESS = 1
EINVAL = 22

IDLE_SECONDS = 0.2


@contextmanager
def serve_disk(disk: Disk, path: Path) -> Iterator[None]:
    """Serve the disk at the socket `path`, to one machine after the other, until the block is left."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(IDLE_SECONDS)
        with beside("the server's disk", lambda stopped: _serve(disk, listener, stopped)):
            yield


class GoneError(Exception):
    """The machine that had the disk has ended."""


class Connection:
    """A connection to a machine, which ends soon after `stopped`."""

    def __init__(self, client: socket.socket, stopped: Stopped) -> None:
        self._client = client
        self._stopped = stopped
        client.settimeout(IDLE_SECONDS)

    def receive(self, count: int) -> bytes:
        """The next bytes; raises GoneError."""
        received = bytearray()
        while len(received) < count:
            try:
                more = self._client.recv(count - len(received))
            except TimeoutError:
                if self._stopped():
                    raise GoneError from None
                continue
            except OSError:
                raise GoneError from None
            if not more:
                raise GoneError
            received += more
        return bytes(received)

    def send(self, data: bytes) -> None:
        """Send bytes; raises GoneError."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._client.send(view) :]
            except TimeoutError:
                if self._stopped():
                    raise GoneError from None
            except OSError:
                raise GoneError from None


def _serve(disk: Disk, listener: socket.socket, stopped: Stopped) -> None:
    while not stopped():
        try:
            client, _ = listener.accept()
        except TimeoutError:
            continue
        with client:
            connection = Connection(client, stopped)
            try:
                if _negotiate(disk, connection):
                    _transmit(disk, connection)
            except GoneError:
                continue


def _negotiate(disk: Disk, connection: Connection) -> bool:
    """Agree with the client on the disk; false when the client wants none."""
    connection.send(GREETING)
    connection.receive(CLIENT_FLAGS.size)
    while True:
        _, option, length = OPTION.unpack(connection.receive(OPTION.size))
        connection.receive(length)
        if option == OPT_GO:
            _reply(connection, option, REP_INFO, EXPORT.pack(INFO_EXPORT, disk.size, TRANSMISSION_FLAGS))
            _reply(connection, option, REP_INFO, BLOCK_SIZE.pack(INFO_BLOCK_SIZE, BLOCK, BLOCK, MOST))
        if option in (OPT_GO, OPT_ABORT):
            _reply(connection, option, REP_ACK)
            return bool(option == OPT_GO)
        _reply(connection, option, REP_ERR_UNSUPPORTED)


def _reply(connection: Connection, option: int, kind: int, data: bytes = b"") -> None:
    connection.send(OPTION_REPLY.pack(OPTION_REPLY_MAGIC, option, kind, len(data)) + data)


def _transmit(disk: Disk, connection: Connection) -> None:
    """Read, write and flush until the client has enough, or the disk's power is cut."""
    while True:
        _, flags, command, cookie, offset, length = REQUEST.unpack(connection.receive(REQUEST.size))
        data, error = b"", 0
        if command == CMD_WRITE:
            if not disk.write(offset, connection.receive(length), through=bool(flags & FORCE_UNIT_ACCESS)):
                return
        elif command == CMD_READ:
            data = disk.read(offset, length)
        elif command == CMD_FLUSH:
            disk.flush()
        elif command == CMD_DISCONNECT:
            return
        else:
            error = EINVAL
        connection.send(REPLY.pack(REPLY_MAGIC, error, cookie) + data)
