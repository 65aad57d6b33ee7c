"""The image of a real release in a real registry: podman and skopeo take it, and it is the tree."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from registry_server import PROGRAM, RegistryServer, require

from builder.packing.tree_list import FILE as TREE_LIST
from builder.release.manifest import FILE, Manifest
from builder.store.errors import RefusedError
from builder.store.image.form import image_of
from builder.store.image.layers import MOST
from builder.store.image.push import push_image
from builder.store.storage.interface import Blob, FileSlice, Text
from builder.store.storage.oci import OciStorage
from builder.store.storage.registry.documents import Document, read_document
from builder.store.storage.registry.images import image_tag

pytestmark = [pytest.mark.server, pytest.mark.container]
LIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
"""Podman's defaults are above what a confined machine lets it give."""
RUNTIMES = ((), ("--runtime=runc", "--cgroup-manager=cgroupfs"))
"""Podman's own choice, and what works where control groups of both versions are mounted."""
KINDS = {
    "f": stat.S_IFREG,
    "d": stat.S_IFDIR,
    "l": stat.S_IFLNK,
    "c": stat.S_IFCHR,
    "b": stat.S_IFBLK,
    "p": stat.S_IFIFO,
}


class Published(NamedTuple):
    """A release whose blobs, manifest and image are in a registry, and the image's reference there."""

    server: RegistryServer
    storage: OciStorage
    release: Path
    path: str
    reference: str

    @property
    def image(self) -> Document:
        """The manifest of the image."""
        text = self.storage.repository.read_manifest(self.reference.rpartition(":")[2])
        assert text
        return read_document(text, self.reference)


def publish(server: RegistryServer, release: Path) -> Published:
    """Put all that a store has of a release."""
    storage, manifest = OciStorage(server.host, "site/nfsroot"), Manifest.read(release)
    blobs = {}
    for file in manifest.files:
        start = 0
        for part in file.parts:
            blobs[Blob(part.sha256, part.size)] = FileSlice(release / file.path, start, part.size)
            start += part.size
    for blob, content in blobs.items():
        storage.put(f"blobs/sha256/{blob.sha256}", content)
    tag = push_image(storage, release)
    assert tag
    text = (release / FILE).read_bytes()
    path = f"releases/{manifest.name}/{manifest.version}/{hashlib.sha256(text).hexdigest()}.manifest.json"
    storage.put(path, Text(text), list(blobs))
    return Published(server, storage, release, path, f"{server.host}/site/nfsroot:{tag}")


@pytest.fixture(scope="module")
def published(kerrighed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """The release `kerrighed`, published to a registry that runs."""
    require(PROGRAM)
    server = RegistryServer(tmp_path_factory.mktemp("registry"))
    with server.running():
        yield publish(server, kerrighed)


def test_most_layers_are_parts(published: Published) -> None:
    """Docker can mount the layers, and nine tenths of their bytes are blobs that the store has anyway."""
    parts = {part.sha256 for file in Manifest.read(published.release).files for part in file.parts}
    layers = published.image.layers
    assert len(layers) <= MOST
    assert sum(blob.size for blob in layers if blob.sha256 not in parts) < sum(blob.size for blob in layers) / 10


def test_an_image_is_the_same_again(published: Published) -> None:
    """A second push sends no byte, and the image keeps its digest."""
    before, blobs = published.image, published.server.blobs()
    assert push_image(published.storage, published.release) == published.reference.rpartition(":")[2]
    assert (published.image, published.server.blobs()) == (before, blobs)


def test_layers_are_what_the_configuration_says(published: Published) -> None:
    """The layers without compression have the digests of the configuration, and are the root tarball's content."""
    image = image_of(published.release)
    assert image
    described = json.loads(image.config)["rootfs"]["diff_ids"]
    plain = 0
    for layer, diff_id in zip(image.layers, described, strict=True):
        packed = b"".join(layer.pieces())
        assert hashlib.sha256(packed).hexdigest() == layer.blob.sha256
        unpacked = subprocess.run(["zstd", "--decompress"], input=packed, stdout=subprocess.PIPE, check=True).stdout
        assert f"sha256:{hashlib.sha256(unpacked).hexdigest()}" == diff_id
        plain += len(unpacked)
    (root,) = published.release.glob("*-root.tar.zst")
    whole = subprocess.run(["zstd", "--decompress", "--stdout", root], stdout=subprocess.PIPE, check=True).stdout
    assert plain == len(whole)


def test_skopeo_copies_the_image(published: Published, tmp_path: Path) -> None:
    """skopeo copies the image to a directory, where each blob has the digest of its name."""
    require("skopeo")
    copy = tmp_path / "copy"
    source = f"docker://{published.reference}"
    subprocess.run(["skopeo", "copy", "--quiet", "--src-tls-verify=false", source, f"oci:{copy}:it"], check=True)
    copied = {file.name for file in copy.glob("blobs/sha256/*")}
    assert {layer.sha256 for layer in published.image.layers} < copied
    for name in copied:
        assert hashlib.sha256((copy / "blobs/sha256" / name).read_bytes()).hexdigest() == name
    inspected = subprocess.run(["skopeo", "inspect", "--tls-verify=false", source], check=True, stdout=subprocess.PIPE)
    assert json.loads(inspected.stdout)["Architecture"] == "amd64"


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[list[str]]:
    """The podman command with images of its own, where it can start a container at all."""
    require("podman")
    short = tempfile.mkdtemp(prefix="nfsroot-", dir="/tmp")  # podman takes 50 characters at most
    places = ["podman", f"--root={tmp_path}/podman", f"--runroot={short}", "--storage-driver=overlay"]
    said = ""
    for runtime in RUNTIMES:
        command = [*places, *runtime]
        trial = [*command, "run", "--rm", "--network=none", *LIMITS, "--rootfs", "/:O", "/bin/true"]
        tried = subprocess.run(trial, capture_output=True, text=True, encoding="utf-8")
        if tried.returncode == 0:
            yield command
            subprocess.run([*command, "image", "umount", "--all"], check=True, capture_output=True)
            subprocess.run([*command, "rmi", "--all", "--force"], check=True, capture_output=True)
            break
        said += tried.stderr
    else:
        pytest.skip(f"podman cannot start a container on this machine: {said.strip()}")
    if (tmp_path / "podman/overlay").is_mount():
        subprocess.run(["umount", tmp_path / "podman/overlay"], check=True)
    shutil.rmtree(short)


def test_podman_runs_the_image(published: Published, podman: list[str]) -> None:
    """podman runs a node's root, and the file system of the image is the tree of the release."""
    subprocess.run([*podman, "pull", "--quiet", "--tls-verify=false", published.reference], check=True)
    command = [*podman, "run", "--rm", "--network=none", *LIMITS, published.reference]
    ran = subprocess.run(
        [*command, "bash", "-c", ". /etc/os-release; echo $ID; exec dpkg --verify"], capture_output=True
    )
    assert ran.stdout.startswith(b"debian\n"), ran.stderr
    mounted = subprocess.run([*podman, "image", "mount", published.reference], check=True, stdout=subprocess.PIPE)
    assert differences(Path(mounted.stdout.decode().strip()), published.release / TREE_LIST) == []


def differences(root: Path, listing: Path) -> list[str]:
    """Paths below `root` that are not as the list of a tree says, or not in the list."""
    text = subprocess.run(["zstd", "--decompress", "--stdout", listing], stdout=subprocess.PIPE, check=True).stdout
    rows = [line.split("\t") for line in text.decode().splitlines()[1:]]
    found = [row[0] for row in rows if not is_as_listed(root, row)]
    here = {
        os.path.relpath(path, root)
        for at, dirs, files in os.walk(root)
        for path in map(Path(at).joinpath, dirs + files)
    }
    return [*found, *(here - {unquote(row[0]) for row in rows})]


def is_as_listed(root: Path, row: Sequence[str]) -> bool:
    """Whether a path is what a line of the list says."""
    path, kind, mode, owner, group, size, digest, target, _ = row
    file = root / unquote(path)
    if not os.path.lexists(file):
        return False
    held = file.lstat()
    return (
        stat.S_IFMT(held.st_mode) == KINDS[kind]
        and (str(held.st_uid), str(held.st_gid)) == (owner, group)
        and (kind == "l" or f"{stat.S_IMODE(held.st_mode):04o}" == mode)
        and (kind != "l" or os.readlink(file) == unquote(target))  # noqa: PTH115  (Path changes ./ and //)
        and (kind != "f" or (str(held.st_size), hashlib.sha256(file.read_bytes()).hexdigest()) == (size, digest))
    )


def unquote(text: str) -> str:
    """The name that a column of the list quotes."""
    return re.sub(r"\\(?:\\|x(..))", lambda found: chr(int(found[1], 16)) if found[1] else "\\", text)


def nfsroot(home: Path, *arguments: str | Path) -> str:
    """What the command says, for a user whose home directory is `home`."""
    command = [Path(sys.executable).with_name("nfsroot"), *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "no_proxy": "127.0.0.1"}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_publish_promote_and_remove(kerrighed: Path, tmp_path: Path) -> None:
    """A release is published with its image, which a channel's tag leads to, and which lasts as long as the release."""
    require(PROGRAM)
    server = RegistryServer(tmp_path / "registry")
    storage = OciStorage(server.host, "site/nfsroot")
    version = Manifest.read(kerrighed).version
    with server.running():
        said = nfsroot(tmp_path, "publish", kerrighed, "--to", storage.address, "--allow-unproved", "--channel", "test")
        assert f"image {server.host}/site/nfsroot:{image_tag('kerrighed', version)}" in said
        nfsroot(tmp_path, "promote", "kerrighed", version, "--to", storage.address, "--channel", "stable")
        document = storage.repository.read_manifest(image_tag("kerrighed", version))
        assert document
        assert storage.repository.read_manifest("kerrighed-test") == document
        assert storage.repository.read_manifest("kerrighed-stable") == document
    server.collect_garbage()
    layers = {layer.sha256 for layer in read_document(document, "image").layers}
    assert layers <= server.blobs()
    with server.running():
        nfsroot(tmp_path, "fetch", "kerrighed@stable", "--from", storage.address, tmp_path / "fetched")
        listed = [found.path for found in storage.list("releases/")]
        (manifest,) = (path for path in listed if path.endswith(".manifest.json"))
        storage.delete(manifest)
        assert not [tag for tag in storage.repository.tags() if not tag.startswith("_")]
    server.collect_garbage()
    assert not layers & server.blobs()
    for file in Manifest.read(kerrighed).files:
        assert (tmp_path / "fetched" / file.path).read_bytes() == (kerrighed / file.path).read_bytes()


def test_a_mirror_has_the_image(published: Published, tmp_path: Path) -> None:
    """A copy in a registry of a store elsewhere has the image of the release, and the channel's tag leads to it."""
    store, version = tmp_path / "store", Manifest.read(published.release).version
    nfsroot(tmp_path, "publish", published.release, "--to", store, "--allow-unproved", "--channel", "test")
    copy = OciStorage(published.server.host, "site/copy")
    image = published.storage.repository.read_manifest(image_tag("kerrighed", version))
    for _ in range(2):  # the second time it is there
        said = nfsroot(tmp_path, "mirror", store, copy.address)
        assert copy.repository.read_manifest(image_tag("kerrighed", version)) == image
        assert copy.repository.read_manifest("kerrighed-test") == image
    assert "is the image" not in said


def test_a_tag_of_another_release(published: Published, tmp_path: Path) -> None:
    """A tag that another release's image has is not taken from it."""
    manifest = json.loads((published.release / FILE).read_bytes())
    name, version = image_of(published.release).name, manifest["version"]  # type: ignore[union-attr]
    other = tmp_path / "other"
    other.mkdir()
    for file in published.release.iterdir():
        (other / file.name.replace(f"{name}-{version}", f"{name}-{version}~1")).symlink_to(file)
    (other / FILE).unlink()
    for wanted in (f"{version}~1", f"{version}+1"):
        text = (
            json.dumps(manifest)
            .replace(f'"{version}"', f'"{wanted}"')
            .replace(f"{name}-{version}-", f"{name}-{wanted}-")
        )
        (other / FILE).write_text(text, encoding="utf-8")
        if "~" in wanted:
            assert push_image(published.storage, other) == f"{name}-{version}_1"
        else:
            (other / f"{name}-{wanted}-root.tar.zst").symlink_to(next(published.release.glob("*-root.tar.zst")))
            with pytest.raises(RefusedError, match=re.escape(f"is the image of {name} {version}~1")):
                push_image(published.storage, other)
