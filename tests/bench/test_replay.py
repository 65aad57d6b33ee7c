"""The load generator asks real servers for what a client was seen to ask, for many at once."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from recording import Recording, recording

from builder.cache import Cache
from builder.lab.rack.rack import Rack, run_rack
from builder.lab.released.release import read_release
from builder.lab.vocabulary.server_kind import ServerKind
from builder.lab.wire.packet import TCP, Packet
from builder.lab.wire.ports import NFS
from builder.recipe.choices import NfsServer

pytestmark = pytest.mark.boot

REPLAY = Path(__file__).with_name("replay.py")
NODES = 20


@pytest.fixture(scope="module")
def running(
    build_release: Callable[[str], Path], cache: Cache, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rack]:
    """The servers of a release, without a node."""
    release = read_release(build_release("debian-nfsroot"))
    server = release.recipe.cluster.server.model_copy(update={"nfs": NfsServer.GANESHA})
    with run_rack(release, server, ServerKind.NAMESPACE, tmp_path_factory.mktemp("rack"), cache) as started:
        yield started


@pytest.fixture(scope="module")
def taken(running: Rack) -> Recording:
    """What clients of Debian were seen to ask for: a loader by TFTP, a file by NFS."""
    address, root = running.release.recipe.cluster.server.address, running.release.manifest.server_directory
    with recording(running.listen("lo")) as seen:
        loaded = running.run_on_network(["tftp", "-m", "binary", str(address), "-c", "get", "pxegrub", "/dev/null"])
        shown = running.run_on_network(["nfs-cat", f"nfs://{address}{root}/etc/services"])
    assert (loaded.status, shown.status) == (0, 0), shown.text
    assert "ssh" in shown.text
    return seen


def test_clients_are_recorded(taken: Recording) -> None:
    """The recording has the file by TFTP, and the calls that read, once each."""
    assert taken.tftp == [("pxegrub", 512)]
    assert taken.http == []
    assert len(taken.nfs) >= 3
    assert len({call for at_once in taken.nfs for call in at_once}) == sum(map(len, taken.nfs))


def test_many_ask_for_the_same(running: Rack, taken: Recording, tmp_path: Path) -> None:
    """Each of many simulated nodes gets every byte that one gets, from the same servers."""
    file, address = tmp_path / "recording.json", str(running.release.recipe.cluster.server.address)
    file.write_text(taken.text())
    told = {}
    for nodes in (1, NODES):
        answer = running.run_on_network([sys.executable, str(REPLAY), str(file), address, str(nodes)])
        assert answer.status == 0, answer.text
        told[nodes] = json.loads(answer.text)
    size = int(running.run_on_server(["stat", "-c", "%s", "/srv/tftp/pxegrub"]).text)
    assert told[1]["tftp"]["bytes"] == size
    assert told[1]["nfs"]["bytes"] > 10_000
    assert {name: part["bytes"] for name, part in told[NODES].items()} == {
        name: part["bytes"] for name, part in told[1].items()
    }


def call(version: int, procedure: int, size: int = 60) -> bytes:
    """A call of NFS with its record mark."""
    return struct.pack("!7I", 1 << 31 | size, 1, 0, 2, 100003, version, procedure) + bytes(size - 24)


def test_only_what_can_be_repeated_is_recorded() -> None:
    """A call that changes the server, one of NFSv4 and one that is cut are left out; one that is sent again is once."""
    seen = Recording()
    looks = call(3, 1)
    for sequence, payload in ((1, call(3, 7)), (2, call(4, 1)), (3, looks), (3, looks), (4, call(3, 6)[:40])):
        size = len(payload)
        seen.see(Packet("node", "server", TCP, 900, NFS, payload, size, 54 + size, sequence, 7, False))
    assert seen.nfs == [[looks]]
