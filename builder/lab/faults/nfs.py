"""The fault of an NFS server that is stopped for a while; nodes wait, and lose no data that they had synced."""

from __future__ import annotations

import secrets
import shlex
import time
from itertools import pairwise

from builder.lab.checks.model import Finding
from builder.lab.checks.mounts import list_server_mounts
from builder.lab.faults.model import RunningFault
from builder.lab.machine.node import VirtualNode
from builder.lab.rack.rack import Rack
from builder.layout import Layout
from builder.recipe.choices import Access
from builder.recipe.models import Recipe

SECONDS_AWAY = 60.0
SECONDS_TO_RECOVER = 360.0
"""More than the 300 s that Linux waits at most before it tries again to connect (net/sunrpc/xprtsock.c)."""

STATE = "/run/nfsroot-lab/nfs-outage"
BLOCK_BYTES = 4096
WRITER = f"""\
n=0
while [ -e go ]; do
    head -c {BLOCK_BYTES} /dev/urandom >block
    dd if=block of="$1" bs={BLOCK_BYTES} seek="$n" conv=notrunc,fsync 2>error || break
    cat block >>acknowledged
    read -r up rest </proc/uptime
    echo "$up" >>times
    n=$((n + 1))
    sleep 0.1
done
: >done
"""
"""Writes blocks to a file on the server; keeps blocks in memory whose fsync(2) has returned, and the times of that."""

BEGIN = f"""\
mkdir -p {STATE} && cd {STATE} && : >go
setsid sh -c {shlex.quote(WRITER)} sh FILE >/dev/null 2>&1 </dev/null &
until [ "$(cat times 2>/dev/null | wc -l)" -ge 5 ] || [ -e done ]; do sleep 0.1; done
"""
END = f"""\
cd {STATE}
enough=$(($(wc -l <times) + 20))
until [ "$(wc -l <times)" -ge "$enough" ] || [ -e done ]; do sleep 0.5; done
rm go
until [ -e done ]; do sleep 0.1; done
sha256sum <acknowledged
systemctl is-system-running
cat times error
"""
"""Lets WRITER go on after the outage; then prints the digest of its blocks, systemd's state, and its times."""


def _find_places(recipe: Recipe, version: str, node: str) -> dict[str, str]:
    """Find the node's directories whose files are on the server, with their paths on the server."""
    if recipe.root.access is Access.READ_WRITE:
        return {"/var/tmp": f"{Layout(recipe, version).server_directory}/var/tmp"}
    return {mount.target: mount.source.partition(":")[2] for mount in list_server_mounts(recipe, version, node)}


def _has_directory(recipe: Recipe) -> bool:
    return bool(_find_places(recipe, "", ""))


def _stop_server(rack: Rack, virtual: VirtualNode) -> Finding:
    release = rack.release
    name = f"nfs-outage.{secrets.token_hex(4)}"
    directory, kept_in = next(iter(_find_places(release.recipe, release.manifest.version, virtual.node.name).items()))
    virtual.ask(BEGIN.replace("FILE", f"{directory}/{name}"))
    rack.server_machine.stop_role("nfs")
    time.sleep(SECONDS_AWAY)
    rack.server_machine.start_role("nfs")
    said = virtual.machine.agent.ask(END, SECONDS_TO_RECOVER).text
    kept_at = f"{kept_in}/{name}"
    kept = rack.run_on_server(["sha256sum", kept_at]).text
    rack.run_on_server(["rm", kept_at])
    return judge_outage(said, kept)


def judge_outage(said: str, kept: str) -> Finding:
    """Judge an outage; `said` is the node's output of END, and `kept` is the digest of the server's file."""
    digest, state, *lines = [*said.splitlines(), "", ""]
    times = [float(line) for line in lines if line.replace(".", "", 1).isdecimal()]
    waited = max((later - earlier for earlier, later in pairwise(times)), default=0.0)
    problems = [] if state == "running" else [f"systemd's state is {state or 'unknown'}"]
    if waited < SECONDS_AWAY:
        problems.append(f"no write waited for the server: {' '.join(lines[-5:])}")
    if digest.split() != [*kept.split()[:1], "-"]:
        problems.append(f"the server's file differs from the blocks that were synced: {kept}")
    return Finding(f"{len(times)} blocks fsynced; the one in between took {waited:.0f} s", tuple(problems))


FAULTS = (
    RunningFault(
        name="nfs-outage",
        done=f"the NFS server is away for {SECONDS_AWAY:.0f} s while the node writes",
        holds="the node goes on, and the server has every byte that had been fsynced",
        strike=_stop_server,
        applies=_has_directory,
    ),
)
