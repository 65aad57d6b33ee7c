"""rsyslogd, with a bundle's settings, writes what nodes send into a file for each, of limited size."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from installed_bundle import install_bundle

from builder.recipe.load import load
from builder.recipe.models import Logs
from builder.recipe.search import SearchPath

PROJECT = Path(__file__).parents[3]
FLOOD = 60_000
"""Messages of some 100 bytes: twice what all files of a node may hold together."""

NETWORK = """\
ip link set lo up
for address in 192.168.0.1 192.168.0.101 192.168.0.102 10.9.9.9; do ip address add $address/32 dev lo; done
mount -t tmpfs -o mode=755 log /var/log
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=755 logrotate /var/lib/logrotate
mount -t tmpfs -o mode=755 rsyslog.d /etc/rsyslog.d
mount -t tmpfs -o mode=755 logrotate.d /etc/logrotate.d
cp "$installed"/etc/rsyslog.d/* /etc/rsyslog.d
cp "$installed"/etc/logrotate.d/* /etc/logrotate.d
rsyslogd -n -iNONE -f /etc/rsyslog.d/nfsroot.conf &
server=$!
status=0
"$python" -c "$client" || status=$?
kill $server
wait $server || :
exit $status
"""
CLIENT = """\
import json, os, pathlib, socket, time
SERVER, LOGS = "192.168.0.1", pathlib.Path("/var/log/nfsroot")

def journal(source, *messages):
    deadline = time.monotonic() + 20
    while True:
        try:
            connection = socket.create_connection((SERVER, 514), timeout=20, source_address=(source, 0))
            break
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    with connection:
        for message in messages:
            line = f"<28>1 2026-11-30T10:11:12.131415+00:00 some-name cron 321 - - {message}".encode()
            connection.sendall(b"%d %s" % (len(line), line))

def kernel(source, message):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        sender.sendto(message.encode(), (SERVER, 6666))

def wait_for(name, words):
    deadline = time.monotonic() + 60
    while not any(words in file.read_text() for file in LOGS.glob(f"{name}.log")):
        if time.monotonic() > deadline:
            raise SystemExit(f"{words} is not in the log of {name}: {list(LOGS.glob('*'))}")
        time.sleep(0.05)

journal("10.9.9.9", "of no node")
journal("192.168.0.101", "disk on fire", "over\\nlines")
kernel("10.9.9.9", "of no node's kernel\\n")
kernel("192.168.0.101", "[   12.345678] Kernel panic - not \\x1bsyncing\\n")
wait_for("ssi1", "over")
wait_for("ssi1", "syncing")
first = (LOGS / "ssi1.log").read_text().splitlines()
journal("192.168.0.102", *(f"flood {number:06} {'x' * 60}" for number in range(FLOOD)), "the end")
wait_for("ssi2", "the end")
files = {file.name: (file.stat().st_size, oct(file.stat().st_mode & 0o777)) for file in LOGS.glob("*")}
print(json.dumps({"first": first, "files": files, "directory": oct(LOGS.stat().st_mode & 0o777)}))
"""

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces"),
    pytest.mark.skipif(not shutil.which("rsyslogd"), reason="rsyslogd receives what nodes log"),
]


def test_each_nodes_messages_are_in_a_file_of_limited_size(tmp_path: Path) -> None:
    """Messages of machines that are no nodes are dropped, and a node that floods its file leaves others their room."""
    recipe = load("debian-nfsroot", SearchPath.default(PROJECT))
    recipe = recipe.model_copy(update={"logs": Logs(server=recipe.cluster.server.address)})
    installed = install_bundle(recipe, tmp_path)
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-euc", NETWORK],
        env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "installed": str(installed),
            "python": sys.executable,
            "client": f"FLOOD = {FLOOD}\n{CLIENT}",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [line.partition(" ")[2] for line in found["first"] if " netconsole: " not in line] == [
        "cron[321]: disk on fire",
        "cron[321]: over#012lines",
    ]
    times = [line.partition(" ")[0] for line in found["first"] if "cron[321]" in line]
    assert times == ["2026-11-30T10:11:12.131415+00:00"] * 2
    assert [line.partition(" ")[2] for line in found["first"] if " netconsole: " in line] == [
        "netconsole: [   12.345678] Kernel panic - not #033syncing"
    ]
    files = found["files"]
    assert set(files) == {"ssi1.log", "ssi2.log", "ssi2.log.1", "ssi2.log.2", "ssi2.log.3"}
    assert all(mode == "0o640" for _, mode in files.values()), files
    assert found["directory"] == "0o750"
    # rsyslogd writes a batch of messages before it looks at the size.
    assert all(size < 1.5 * 2**20 for size, _ in files.values()), files
