"""Collects the software of a release: packages of the tree, the kernel, initramfs files and boot loaders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from builder.errors import InputError
from builder.release.manifest import Manifest
from builder.release.names import DPKG_DATA
from builder.release.source import ReleaseSource, find_file, read_file
from builder.release.unpacking import read_files, unpack_zstd
from builder.sbom.dpkg import read_packages
from builder.sbom.identity import LOADED
from builder.sbom.software import Software, SoftwareFile, SoftwarePackage

MOST = 64 << 20
"""The most bytes of dpkg's data: a desktop of 3,000 packages has some 40 MB."""
LOADERS = {
    "pxegrub/pxegrub.i386-pc": "grub-pc-bin",
    "pxegrub/pxegrub.x86_64-efi": "grub-efi-amd64-bin",
    "pxegrub/secure-boot/grubx64.efi": "grub-efi-amd64-signed",
    "pxegrub/secure-boot/shimx64.efi": "shim-signed",
    "pxegrub/secure-boot/mmx64.efi": "shim-signed",
}
"""The package of the builder image from which each boot loader is made (builder.boot.pxegrub)."""
INITRAMFS_TOOLS = "initramfs-tools-core"


def collect(source: ReleaseSource) -> Software:
    """The software of a release, without licences and dependencies when the release has no data of dpkg.

    :raises InputError: a file of the release is damaged.
    """
    manifest = source.manifest
    suite = _suite(manifest)
    packages = _read_packages(source, suite)
    tools = tuple(_tools(manifest, suite))
    return Software(
        name=manifest.name,
        version=manifest.steps.get("tree") or manifest.content,
        description="The tree of diskless nodes, and what they load before it",
        date=manifest.source_date,
        made_by=manifest.tools.get("nfsroot", ""),
        packages=packages,
        tools=tools,
        files=tuple(_files(manifest, packages, tools)),
        top=_find_top(manifest, packages),
    )


def _suite(manifest: Manifest) -> str:
    debian = manifest.recipe.get("debian")
    return str(debian.get("suite", "")) if isinstance(debian, Mapping) else ""


def _read_packages(source: ReleaseSource, suite: str) -> tuple[SoftwarePackage, ...]:
    file = find_file(source, DPKG_DATA)
    if file is None:
        return tuple(
            SoftwarePackage(each.name, each.version, each.architecture, each.source, suite)
            for each in sorted(source.manifest.packages, key=lambda each: (each.name, each.architecture))
        )
    what = f"{DPKG_DATA} of {source.describe()}"
    return read_packages(read_files(unpack_zstd(read_file(source, file, MOST), MOST, what), what), suite)


def _tools(manifest: Manifest, suite: str) -> Iterator[SoftwarePackage]:
    """Yield the packages of the builder image that are in boot loaders, if the manifest has their versions."""
    loaders = {LOADERS[file.path] for file in manifest.files if file.path in LOADERS}
    for name in sorted(loaders & manifest.tools.keys()):
        yield SoftwarePackage(name, manifest.tools[name], "", name, suite, summary="In the builder image")


def _files(
    manifest: Manifest, packages: Sequence[SoftwarePackage], tools: Sequence[SoftwarePackage]
) -> Iterator[SoftwareFile]:
    """Yield the files that nodes load, each once, sorted by path."""
    known = {package.name: package.purl for package in (*tools, *packages)}
    kernel = next((name for name in known if name.startswith("linux-image-") and manifest.kernel_version in name), "")
    for file in sorted(manifest.files, key=lambda file: file.path):
        if file.path.startswith(LOADED):
            made_of = [LOADERS.get(file.path, "")] if file.path.startswith("pxegrub/") else [kernel]
            made_of += [INITRAMFS_TOOLS] if file.path.startswith("initrd.img-") else []
            yield SoftwareFile(file.path, file.sha256, tuple(known[name] for name in made_of if name in known))


def _find_top(manifest: Manifest, packages: Sequence[SoftwarePackage]) -> tuple[str, ...]:
    """The packages that the recipe names, and those on which no other package depends."""
    needed = {purl for package in packages for purl in package.depends}
    named = _named(manifest)
    return tuple(package.purl for package in packages if package.name in named or package.purl not in needed)


def _named(manifest: Manifest) -> frozenset[str]:
    try:
        return frozenset(manifest.read_recipe().packages)
    except InputError:  # another nfsroot made the release: only packages that no other one needs are at the top
        return frozenset()
