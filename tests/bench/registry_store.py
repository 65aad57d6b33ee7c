"""The benchmark of registries: nfsroot beside skopeo, with the same blobs, to and from the same docker-registry."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from contest import Contestant, Times, contest

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "integration" / "store"))

from registry_server import RegistryServer  # noqa: E402

LAYER = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


def measure_registry(room: Path, files: Path, rounds: int) -> tuple[dict[str, Times], dict[str, Times]]:
    """The times of both to send `files`, which are named by their SHA-256, and to fetch them."""
    room.mkdir(parents=True)
    layout, target = write_layout(room / "layout", files), room / "target"
    servers = [RegistryServer(room / name) for name in ("ours", "theirs")]
    with servers[0].running(), servers[1].running():
        ours, theirs = f"oci://{servers[0].host}/bench", f"docker://{servers[1].host}/bench:1"
        move = [sys.executable, str(HERE / "move_blobs.py")]
        skopeo = ["skopeo", "copy", "--quiet", "--preserve-digests"]
        sending = [
            Contestant("nfsroot, to the registry", [*move, "send", str(files), ours], emptying(servers[0], "bench")),
            Contestant(
                "skopeo, to the registry",
                [*skopeo, "--dest-tls-verify=false", f"oci:{layout}:1", theirs],
                emptying(servers[1], "bench"),
            ),
        ]
        fetching = [
            Contestant(
                "nfsroot, from the registry", [*move, "fetch", str(files), ours, str(target)], forgetting(target)
            ),
            Contestant(
                "skopeo, from the registry",
                [*skopeo, "--src-tls-verify=false", theirs, f"oci:{target}:1"],
                forgetting(target),
            ),
        ]
        sent = contest(sending, rounds, room / "log")
        return sent, contest(fetching, rounds, room / "log")


def write_layout(directory: Path, files: Path) -> Path:
    """Write the files as the layers of an image (OCI image layout 1.0.0): what skopeo copies."""
    blobs = directory / "blobs/sha256"
    shutil.copytree(files, blobs)
    layers = sorted(blobs.iterdir())
    config = _add(
        blobs, {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": _digests(layers)}}
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, **config},
        "layers": [
            {"mediaType": LAYER, "digest": f"sha256:{layer.name}", "size": layer.stat().st_size} for layer in layers
        ],
    }
    named = {"org.opencontainers.image.ref.name": "1"}
    index = {"schemaVersion": 2, "manifests": [{"mediaType": MANIFEST, **_add(blobs, manifest), "annotations": named}]}
    (directory / "index.json").write_text(json.dumps(index), encoding="utf-8")
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}', encoding="utf-8")
    return directory


def _digests(layers: list[Path]) -> list[str]:
    return [f"sha256:{layer.name}" for layer in layers]


def _add(blobs: Path, document: object) -> dict[str, object]:
    """Write a document as a blob, and return its digest and its size as a descriptor has them."""
    text = json.dumps(document).encode()
    digest = hashlib.sha256(text).hexdigest()
    (blobs / digest).write_bytes(text)
    return {"digest": f"sha256:{digest}", "size": len(text)}


def emptying(server: RegistryServer, repository: str) -> Callable[[], object]:
    """Take away all that the registry holds, which looks at its disk for each request."""
    data = server.directory / "data/docker/registry/v2"

    def empty() -> None:
        for part in (data / "blobs", data / "repositories" / repository):
            shutil.rmtree(part, ignore_errors=True)

    return empty


def forgetting(target: Path) -> Callable[[], object]:
    """Take away what was fetched."""
    return lambda: shutil.rmtree(target, ignore_errors=True)
