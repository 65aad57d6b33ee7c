"""Releases as a build leaves them, made without one: real archives and manifests, small trees of made-up packages."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layouts import layout_of

from builder.difference.compare import Difference
from builder.difference.subject import Subject, read_release
from builder.layout import Layout
from builder.overlay import render as overlay
from builder.packing import archive, tree_list
from builder.packing.archive import Joined
from builder.recipe.choices import RootKind
from builder.recipe.models import Recipe
from builder.release.manifest import FILE, Manifest, Package, released_files
from builder.release.source import DirectorySource
from builder.rendered_files import RenderedFile
from builder.server import bundle
from builder.tree.build import DPKG_DATA

Compare = Callable[["Made", "Made"], Difference]
"""Compares two releases."""
SHADOW = "root:*:20000:0:99999:7:::\n"
HEADER = b"path\ttype\tmode\towner\tgroup\tsize\tsha256\ttarget\tpackage\n"


@dataclass(frozen=True)
class Made:
    """What a release is made of; `tree` has a path, a mode, a content and a package for each file.

    `dpkg` has the files of dpkg.tar.zst by path; there is no such file without any.
    """

    recipe: Recipe
    version: str
    kernel: str = "6.12.1-amd64"
    packages: Sequence[Package] = ()
    tree: Sequence[tuple[str, int, bytes, str]] = ()
    initramfs: bytes = b"initramfs"
    loader: bytes = b"loader"
    steps: dict[str, str] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)
    dpkg: dict[str, str] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        """The names and paths of the release."""
        return layout_of(self.recipe, self.version, self.kernel)

    def write(self, output: Path) -> Path:
        """Write the release below `output`, and give its directory."""
        recipe, directory = self.recipe, output / self.recipe.image.name / self.version
        (directory / "pxegrub").mkdir(parents=True)
        layout = self.layout
        rendered = overlay.render(layout, SHADOW)
        (directory / layout.kernel_file).write_bytes(self._kernel)
        (directory / layout.initramfs_file()).write_bytes(self.initramfs)
        (directory / "pxegrub/pxegrub.i386-pc").write_bytes(self.loader)
        if self.dpkg:
            files = [RenderedFile(path, text.encode()) for path, text in self.dpkg.items()]
            (directory / DPKG_DATA).write_bytes(zstd(archive.fragment(files, 0) + archive.END_OF_ARCHIVE))
        joined = [
            self._root(directory, rendered),
            join(directory / layout.bundle_file, self._bundle()),
            join(
                directory / tree_list.FILE,
                [zstd(self.listing(archive.directories(rendered))), zstd(self._lines(rendered))],
            ),
        ]
        manifest = Manifest(
            name=recipe.image.name,
            version=self.version,
            content=hashlib.sha256(repr(self).encode()).hexdigest()[:24],
            source_date=1_700_000_000,
            kernel_version=self.kernel,
            server_directory=layout.server_directory,
            recipe=recipe.model_dump(mode="json"),
            tools=self.tools,
            steps=self.steps,
            files=released_files(directory, joined),
            packages=tuple(self.packages),
        )
        (directory / FILE).write_text(manifest.text(), encoding="utf-8")
        return directory

    def listing(self, known: frozenset[str] = frozenset()) -> bytes:
        """The tree's lines of the list, with a line for each directory that is not among `known`."""
        lines = {
            path: f"{path}\tf\t{mode:04o}\t0\t0\t{len(content)}\t{hashlib.sha256(content).hexdigest()}\t\t{package}\n"
            for path, mode, content, package in self.tree
        }
        lines |= {path: f"{path}\td\t0755\t0\t0\t\t\t\t\n" for path in archive.directories(self._files()) - known}
        return HEADER + "".join(line for _, line in sorted(lines.items())).encode()

    def _files(self) -> list[RenderedFile]:
        return [RenderedFile(path, content, mode) for path, mode, content, _ in self.tree]

    def _lines(self, rendered: Sequence[RenderedFile]) -> bytes:
        return tree_list.describe(rendered, archive.directories(rendered))

    def _root(self, directory: Path, rendered: Sequence[RenderedFile]) -> Joined:
        tar = zstd(archive.fragment(rendered, 0))
        if self.recipe.root.kind is RootKind.IMAGE:
            (directory / self.layout.root_file).write_bytes(b"an image")
            return join(directory / self.layout.overlay_file, [tar])
        tree = zstd(archive.fragment(self._files(), 0, archive.directories(rendered)))
        parts = [tree, tar, zstd(archive.END_OF_ARCHIVE)]
        return join(directory / self.layout.root_file, parts)

    def _bundle(self) -> list[bytes]:
        texts = list(bundle.render(self.layout))
        served_directory = self.layout.served_directory.lstrip("/")
        served = [
            RenderedFile("srv/tftp/pxegrub", self.loader),
            RenderedFile(f"{served_directory}/{self.layout.kernel_file}", self._kernel),
            RenderedFile(f"{served_directory}/{self.layout.initramfs_file()}", self.initramfs),
        ]
        fragments = [archive.fragment(texts, 0), archive.fragment(served, 0, archive.directories(texts))]
        return [b"".join(archive.stored([data])) for data in (*fragments, archive.END_OF_ARCHIVE)]

    @property
    def _kernel(self) -> bytes:
        return f"kernel {self.kernel}".encode()


def zstd(data: bytes) -> bytes:
    """The data in a frame of zstd."""
    return subprocess.run(["zstd", "-q", "-c", "-1"], input=data, capture_output=True, check=True).stdout


def join(path: Path, parts: Sequence[bytes]) -> Joined:
    """A file of these parts."""
    joined = Joined(path)
    for part in parts:
        joined.write([part])
    return joined


def package(name: str, version: str, security: str | None = "", source: str = "") -> Package:
    """A package for amd64."""
    return Package(name=name, version=version, architecture="amd64", source=source or name, security=security)


def make_schema_1(release: Path) -> None:
    """Turn a release into one of schema 1: files without parts, packages without security, no list of the tree."""
    document: dict[str, Any] = json.loads((release / FILE).read_bytes())
    document["schema_version"] = 1
    document["files"] = [
        {key: value for key, value in file.items() if key != "parts"}
        for file in document["files"]
        if file["path"] != tree_list.FILE
    ]
    for each in document["packages"]:
        del each["security"]
    (release / tree_list.FILE).unlink()
    (release / FILE).write_text(json.dumps(document), encoding="utf-8")


def read(directory: Path) -> Subject:
    """The release in a directory, as it is compared."""
    return read_release(DirectorySource.find(directory))


def with_changes(recipe: Any, **changes: Any) -> Any:
    """A recipe with other values: `root__access` stands for `root.access`."""
    for path, value in changes.items():
        name, _, rest = path.partition("__")
        update = with_changes(getattr(recipe, name), **{rest: value}) if rest else value
        recipe = recipe.model_copy(update={name: update})
    return recipe
