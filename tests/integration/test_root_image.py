"""Root images, made by the builder image's tools and read by the kernel."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from step_contexts import context_of

from builder.cache import Cache
from builder.container import image as builder_image
from builder.container.engine import Image
from builder.container.sandbox import Sandbox
from builder.recipe.choices import ImageFormat, RootKind
from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.tree.root_image import ROOT_IMAGE

pytestmark = pytest.mark.container

RECIPE = load("debian-nfsroot", SearchPath.default(Path(__file__).parents[2]))
SOURCE_DATE = 1_763_200_000
EXTRACT = 'mount -t "$format" -o ro,loop "$image" /mnt; cp -a /mnt "$target"'
PACK = (
    "pack() { tar --create --null --no-recursion --files-from=- --format=posix --xattrs --xattrs-include='*'"
    " --numeric-owner --pax-option='exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime' --blocking-factor=1; };"
    " find . -mindepth 1 ! -type d -printf '%P\\0' | LC_ALL=C sort -z | pack |"
    " head -c -1024 | zstd --quiet -o ../tree.tar.zst;"
    " find . -depth -mindepth 1 -type d -printf '%P\\0' | pack | zstd --quiet -o ../directories.tar.zst"
)
"""As elements/debian-root hands a tree over."""


@dataclass(frozen=True)
class Entry:
    """What an image has to keep of a file; `same` are the names of one file with several."""

    mode: int
    owner: tuple[int, int]
    mtime: int
    device: int
    content: bytes
    capability: bytes
    same: tuple[str, ...]


@pytest.fixture(scope="module")
def builder(cache: Cache) -> Image:
    """The builder image."""
    return builder_image.ensure(cache, lambda _line: None)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a file of each kind, and the tree's part made of it beside it."""
    if os.geteuid() != 0:
        pytest.fail("tests that build need root: run `make test`, or `make test-quick` for those that do not")
    tree = tmp_path_factory.mktemp("root-image") / "tree"
    (tree / "etc/empty").mkdir(parents=True)
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "bin").symlink_to("usr/bin")
    (tree / "usr/bin/large").write_bytes(bytes(range(256)) * 2048)
    (tree / "usr/bin/ping").write_text("ping")
    (tree / "usr/bin/su").write_text("su")
    (tree / "usr/bin/su").chmod(0o4755)
    os.setxattr(tree / "usr/bin/ping", "security.capability", bytes.fromhex("0100000200200000" + "00" * 12))
    os.link(tree / "usr/bin/large", tree / "usr/bin/same")
    (tree / os.fsdecode(b"usr/bin/odd\xff\nname")).write_text("no UTF-8, and two lines")
    (tree / "etc/shadow").write_text("root:*\n")
    (tree / "etc/shadow").chmod(0o640)
    os.chown(tree / "etc/shadow", 0, 42)
    os.chown(tree / "etc/empty", 1000, 70_000)
    (tree / "etc/empty").chmod(0o1777)
    os.mknod(tree / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (tree / "null").chmod(0o666)
    for age, path in enumerate(sorted(tree.rglob("*"), reverse=True)):
        os.utime(path, (SOURCE_DATE, SOURCE_DATE - age), follow_symlinks=False)
    subprocess.run(["bash", "-euo", "pipefail", "-c", PACK], cwd=tree, check=True)
    return tree


def make(directory: Path, builder: Image, tree: Path, root_format: ImageFormat) -> Path:
    """Make an image in a new directory."""
    directory.mkdir()
    root = RECIPE.root.model_copy(update={"kind": RootKind.IMAGE, "format": root_format})
    recipe = RECIPE.model_copy(update={"root": root})
    objects = {"tree": tree.parent}
    context = context_of(recipe, Sandbox(), directory, image=builder, source_date=SOURCE_DATE, objects=objects)
    ROOT_IMAGE.make(context, directory)
    return directory / f"root.{root_format}"


def entries(top: Path) -> dict[str, Entry]:
    """Everything below a directory, and the directory itself."""
    names: dict[int, list[str]] = {}
    for path in top.rglob("*"):
        names.setdefault(path.lstat().st_ino, []).append(str(path.relative_to(top)))
    return {str(path.relative_to(top)): _entry(path, names) for path in (top, *top.rglob("*"))}


def _entry(path: Path, names: dict[int, list[str]]) -> Entry:
    status = path.lstat()
    content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
    has_capability = not path.is_symlink() and "security.capability" in os.listxattr(path)
    return Entry(
        mode=status.st_mode,
        owner=(status.st_uid, status.st_gid),
        mtime=int(status.st_mtime),
        device=status.st_rdev,
        content=content,
        capability=os.getxattr(path, "security.capability") if has_capability else b"",
        same=tuple(sorted(names.get(status.st_ino, ()))),
    )


@pytest.mark.parametrize("root_format", ImageFormat)
def test_same_tree_gives_the_same_bytes(tmp_path: Path, builder: Image, tree: Path, root_format: ImageFormat) -> None:
    """Two images of one tree are the same, byte for byte."""
    one, other = (make(tmp_path / name, builder, tree, root_format) for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("root_format", ImageFormat)
def test_image_holds_the_tree(tmp_path: Path, builder: Image, tree: Path, root_format: ImageFormat) -> None:
    """Every file has its content, owner, mode, time, device number, links and capability; nothing else is there."""
    image = make(tmp_path / "made", builder, tree, root_format)
    env = {"PATH": os.environ["PATH"], "format": root_format, "image": str(image), "target": str(tmp_path / "found")}
    subprocess.run(["unshare", "--mount", "sh", "-euc", EXTRACT], env=env, check=True)
    found = entries(tmp_path / "found")
    top = found.pop(".")
    assert (stat.filemode(top.mode), top.owner, top.mtime) == ("drwxr-xr-x", (0, 0), SOURCE_DATE)
    expected = entries(tree)
    del expected["."]
    assert found == expected
