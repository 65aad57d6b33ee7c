"""Writes the manifest of the release that a build puts together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from pathlib import Path

import builder
from builder.container.engine import Image
from builder.debian.security import find_fixed
from builder.packing.release_step import ReleaseContext
from builder.release import manifest as manifests
from builder.release import output
from builder.tree.build import find_tree

TOOLS = (
    "dnsmasq-base",
    "erofs-utils",
    "grub-pc-bin",
    "grub-efi-amd64-signed",
    "isc-dhcp-server",
    "kea-dhcp4-server",
    "mmdebstrap",
    "nginx",
    "shim-signed",
    "squashfs-tools",
    "tar",
    "zstd",
)
"""The Debian packages of the builder image whose versions a manifest lists."""


def write_manifest(context: ReleaseContext, directory: Path, code: Mapping[str, str]) -> None:
    """Write the manifest of all files in `directory`, and their checksums.

    `code` has the digest of the code of each step that depends on the release's version.
    """
    recipe, tree, layout = context.recipe, find_tree(context), context.layout
    packages = manifests.packages(tree.packages)
    fixed = find_fixed(context.archive, recipe.debian.suite, (package.name for package in packages))
    manifest = manifests.Manifest(
        name=recipe.image.name,
        version=layout.version,
        content=str(context.plan.content),
        source_date=context.source_date,
        kernel_version=tree.kernel_version,
        server_directory=layout.server_directory,
        recipe=recipe.model_dump(mode="json"),
        tools=find_tools(context.image),
        steps={step.name: str(step.key) for step in context.plan.steps},
        code=dict(code),
        files=manifests.released_files(directory, (context.root, context.server, context.listed)),
        packages=manifests.add_security(packages, fixed),
    )
    output.finish(directory, manifest)


def find_tools(image: Image) -> dict[str, str]:
    """The versions of the tools that make a release: nfsroot, diskimage-builder, and packages of the builder image."""
    status = (image.rootfs / "var/lib/dpkg/status").read_text(encoding="utf-8")
    found = dict(re.findall(r"^Package: (\S+)\n(?:.+\n)*?Version: (\S+)$", status, re.MULTILINE))
    return {
        "nfsroot": builder.__version__,
        "diskimage-builder": installed_version("diskimage-builder"),
        **{name: found[name] for name in TOOLS},
    }
