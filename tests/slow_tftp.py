"""A TFTP client that takes its time for each block (RFC 1350) and prints the file's SHA-256, after `begun`.

Usage: slow_tftp.py ADDRESS FILE SECONDS
"""

from __future__ import annotations

import hashlib
import socket
import sys
import time

BLOCK = 512
PATIENCE = 4.0
TRIES = 5
READ, DATA, ACKNOWLEDGED = (opcode.to_bytes(2, "big") for opcode in (1, 3, 4))


def fetch(address: str, file: str, seconds: float) -> bytes:
    """The file's bytes; each block is acknowledged after so many seconds, however often it is sent meanwhile.

    The request is sent again until it is answered, as boot ROMs do: in.tftpd of Debian 13 loses the first one after its
    start.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        blocks: dict[bytes, bytes] = {}
        size, tries = BLOCK, TRIES
        while size == BLOCK:
            if not blocks:
                client.sendto(READ + f"{file}\0octet\0".encode(), (address, 69))
            try:
                packet, sender = client.recvfrom(BLOCK + 4)
            except TimeoutError:
                tries -= 1
                if blocks or not tries:
                    raise
                continue
            opcode, number, content = packet[:2], packet[2:4], packet[4:]
            if opcode != DATA:
                raise SystemExit(f"no data: {packet!r}")
            if number not in blocks:
                if not blocks:
                    print("begun", flush=True)  # noqa: T201 - its output is its answer
                time.sleep(seconds)
                blocks[number], size = content, len(content)
                client.sendto(ACKNOWLEDGED + number, sender)
    return b"".join(blocks[number] for number in sorted(blocks))


if __name__ == "__main__":
    got = fetch(sys.argv[1], sys.argv[2], float(sys.argv[3]))
    print(hashlib.sha256(got).hexdigest())  # noqa: T201 - its output is its answer
