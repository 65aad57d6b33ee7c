"""in.tftpd with the options in its settings writes lines to the log that `nfsroot-site status` understands."""

from __future__ import annotations

import os
import shutil
import subprocess
import textwrap
import time
from pathlib import Path

import pytest
from made_sites import asked
from unpack_case import recipe

from builder.settings.serving import tftpd_hpa
from builder.site.evidence import LOADED, Trace, parse_syslog

SERVER = textwrap.dedent(
    """\
    # In namespaces of its own: the server's address, a log, the server with its settings, and a node that loads a file.
    set -eu
    # The test's directory may be below /dev.
    mount --bind "$WORK" /mnt
    WORK=/mnt
    mount -t tmpfs none /dev
    mknod -m 666 /dev/null c 1 3
    ip link set lo up
    ip address add "$ADDRESS/24" dev lo
    "$PYTHON" -c '
    import socket
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    print("ready", flush=True)
    while True:
        print(log.recv(65536).decode(), flush=True)
    ' > "$WORK/log" &
    log=$!
    until grep -q ready "$WORK/log"; do sleep 0.1; done
    . "$WORK/settings"
    # The directory of the test, and a user that may read it.
    in.tftpd --foreground --user root --address "$TFTP_ADDRESS" $TFTP_OPTIONS "$WORK/tftp" &
    server=$!
    until ss -Hlun 'sport = :69' | grep -q .; do sleep 0.1; done
    "$PYTHON" -c '
    import os, socket
    node = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    node.settimeout(10)
    node.sendto(b"\\0\\1/debian-nfsroot/1.0/vmlinuz\\0octet\\0", (os.environ["ADDRESS"], 69))
    print(node.recv(516)[4:].decode())
    '
    until grep -q RRQ "$WORK/log"; do sleep 0.1; done
    kill "$server" "$log"
    """
)


@pytest.mark.skipif(os.getuid() != 0 or shutil.which("in.tftpd") is None, reason="needs root and tftpd-hpa")
def test_a_loaded_file_is_evidence(tmp_path: Path) -> None:
    """The line of each file names the node and the release, whatever the daemon's version writes beside."""
    settings = asked(recipe("debian-nfsroot"))
    file = tmp_path / "tftp/debian-nfsroot/1.0/vmlinuz"
    file.parent.mkdir(parents=True)
    file.write_text("a kernel")
    (tmp_path / "settings").write_text(tftpd_hpa([settings]))
    address = str(settings.dhcp.server)
    env = {
        "PATH": f"{os.environ['PATH']}:/usr/sbin",
        "WORK": str(tmp_path),
        "ADDRESS": address,
        "PYTHON": "/usr/bin/python3",  # not the checkout's, which may be below /dev
    }
    argv = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", SERVER]
    done = subprocess.run(argv, capture_output=True, text=True, env=env, check=False, timeout=60)
    assert done.stdout == "a kernel\n", done.stderr
    words = [line.partition("in.tftpd")[2] for line in (tmp_path / "log").read_text().splitlines()]
    now = time.time()
    # journalctl puts the time and the machine's name in front of what the daemon wrote.
    lines = [f"{now:.6f} nfsserver in.tftpd{rest}" for rest in words if rest]
    assert list(parse_syslog(lines, now)) == [
        Trace(address, "/debian-nfsroot/1.0/vmlinuz", pytest.approx(now, abs=1e-3), LOADED)
    ]
