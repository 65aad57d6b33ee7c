"""Simulated nodes: `replay.py RECORDING SERVER NODES` has so many at once ask a server for what one node asked.

Each is a process that asks as a node does, one question after the other.  It prints, as JSON, for each protocol the
seconds until the last node had everything, a node's bytes and its processor seconds.
"""

from __future__ import annotations

import base64
import http.client
import json
import multiprocessing
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

SECONDS_TO_ANSWER = 1.0
TIMES_TO_ASK = 60
READ, DATA, ACKNOWLEDGE, ERROR, AGREE = 1, 3, 4, 5, 6
LAST_FRAGMENT = 1 << 31


class Refused(Exception):
    """A server did not give what it gave to the node that was recorded."""


def tftp(server: str, path: str, block: int) -> int:
    """Load a file (RFC 1350 and 2348) and throw it away; its bytes: none of what the server lacks, as for the node."""
    request = struct.pack("!H", READ) + f"{path}\0octet\0blksize\0{block}\0".encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(SECONDS_TO_ANSWER)
        said, to, count, expected, silences = request, (server, 69), 0, 1, 0
        link.sendto(said, to)
        while True:
            try:
                answer, to = link.recvfrom(65536)
            except TimeoutError:
                silences += 1
                if silences == TIMES_TO_ASK:
                    raise Refused(f"TFTP: no answer for {path}") from None
                link.sendto(said, to)
                continue
            operation, number = struct.unpack_from("!HH", answer)
            if operation == ERROR:
                return 0
            if operation == AGREE:
                number = 0
            elif number != expected & 0xFFFF:
                continue
            else:
                count, expected = count + len(answer) - 4, expected + 1
            said = struct.pack("!HH", ACKNOWLEDGE, number)
            link.sendto(said, to)
            if operation == DATA and len(answer) - 4 < block:
                return count


def fetch(server: str, path: str) -> int:
    """Load a file over HTTP and throw it away; its bytes."""
    connection = http.client.HTTPConnection(server, timeout=SECONDS_TO_ANSWER * TIMES_TO_ASK)
    connection.request("GET", path)
    answer = connection.getresponse()
    count = 0
    while part := answer.read(1 << 16):
        count += len(part)
    connection.close()
    return count


def nfs(server: str, calls: Sequence[Sequence[bytes]]) -> int:
    """Make calls of NFS, those of one entry at once, and wait for all their answers; the answers' bytes."""
    count = 0
    with socket.create_connection((server, 2049), SECONDS_TO_ANSWER * TIMES_TO_ASK) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with link.makefile("rb", 1 << 20) as answers:
            for at_once in calls:
                link.sendall(b"".join(at_once))
                count += sum(_answer(answers.read) for _ in at_once)
    return count


def _answer(read: Callable[[int], bytes]) -> int:
    """Read one answer: it has to say that the call was made (RFC 5531, section 9)."""
    body, mark = b"", 0
    while not mark & LAST_FRAGMENT:
        (mark,) = struct.unpack("!I", read(4))
        body += read(mark & ~LAST_FRAGMENT)
    _, reply, denied, _, length = struct.unpack_from("!5I", body)
    (status,) = struct.unpack_from("!I", body, 20 + length)
    if (reply, denied, status) != (1, 0, 0):
        raise Refused(f"NFS: call denied ({reply}, {denied}, {status})")
    return len(body)


def boot(server: str, recording: dict[str, Any], together: Barrier) -> dict[str, dict[str, float]]:
    """One node: for each protocol when it began and ended (seconds, time.monotonic()), its bytes and processor seconds.

    All nodes begin with each protocol together.
    """
    calls = [[base64.b64decode(call) for call in at_once] for at_once in recording["nfs"]]
    parts = {
        "tftp": lambda: sum(tftp(server, path, block) for path, block in recording["tftp"]),
        "http": lambda: sum(fetch(server, path) for path in recording["http"]),
        "nfs": lambda: nfs(server, calls) if calls else 0,
    }
    told = {}
    for name, ask in parts.items():
        together.wait()
        began, busy = time.monotonic(), time.process_time()
        try:
            count = ask()
        except Exception:
            together.abort()  # The others would wait for this one.
            raise
        used = time.process_time() - busy
        told[name] = {"began": began, "ended": time.monotonic(), "bytes": count, "processor": used}
    return told


_job: tuple[str, dict[str, Any], Barrier]
"""What every process has from the one that it was forked off."""


def _boot(_node: int) -> dict[str, dict[str, float]]:
    return boot(*_job)


def storm(recording: dict[str, Any], server: str, nodes: int) -> dict[str, dict[str, float]]:
    """So many nodes at once: by protocol seconds from the first's beginning to the last's end, and means of a node."""
    global _job
    forking = multiprocessing.get_context("fork")
    _job = server, recording, forking.Barrier(nodes)
    with forking.Pool(nodes) as pool:
        told = pool.map(_boot, range(nodes), chunksize=1)
    return {
        name: {
            "seconds": max(each[name]["ended"] for each in told) - min(each[name]["began"] for each in told),
            "bytes": sum(each[name]["bytes"] for each in told) / nodes,
            "processor": sum(each[name]["processor"] for each in told) / nodes,
        }
        for name in told[0]
    }


if __name__ == "__main__":
    print(json.dumps(storm(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2], int(sys.argv[3]))))  # noqa: T201
