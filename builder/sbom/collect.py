"""Collects the software of a release: packages of the tree, the kernel, initramfs files and boot loaders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from builder.release.names import DPKG_DATA
from builder.release.reading import need_digest, read_bytes
from builder.release.unpacking import read_files, too_large, unpack_zstd
from builder.sbom.dpkg import read_packages
from builder.sbom.manifest import LOADED, SoftwareManifest
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


def collect(directory: Path, manifest: SoftwareManifest) -> Software:
    """The software of the release in `directory`, without licences and dependencies when it has no data of dpkg.

    :raises InputError: the data of dpkg is damaged.
    """
    packages = _read_packages(directory, manifest)
    tools = tuple(_tools(manifest))
    return Software(
        name=manifest.name,
        version=manifest.tree,
        description="The tree of diskless nodes, and what they load before it",
        date=manifest.date,
        made_by=manifest.tools.get("nfsroot", ""),
        packages=packages,
        tools=tools,
        files=tuple(_files(manifest, packages, tools)),
        top=_find_top(manifest, packages),
    )


def _read_packages(directory: Path, manifest: SoftwareManifest) -> tuple[SoftwarePackage, ...]:
    if DPKG_DATA not in manifest.files:
        return tuple(SoftwarePackage(*package, manifest.suite) for package in manifest.packages)
    what = f"{DPKG_DATA} of {directory}"
    packed = read_bytes(directory, DPKG_DATA, 0, MOST + 1)
    if len(packed) > MOST:
        raise too_large(what, MOST)
    need_digest(packed, manifest.files[DPKG_DATA], what)
    return read_packages(read_files(unpack_zstd(packed, MOST, what), what), manifest.suite)


def _tools(manifest: SoftwareManifest) -> Iterator[SoftwarePackage]:
    """Yield the packages of the builder image that are in boot loaders, if the manifest has their versions."""
    loaders = {LOADERS[path] for path in manifest.files if path in LOADERS}
    for name in sorted(loaders & manifest.tools.keys()):
        yield SoftwarePackage(name, manifest.tools[name], "", name, manifest.suite, summary="In the builder image")


def _files(
    manifest: SoftwareManifest, packages: Sequence[SoftwarePackage], tools: Sequence[SoftwarePackage]
) -> Iterator[SoftwareFile]:
    """Yield the files that nodes load, each once, sorted by path."""
    known = {package.name: package.purl for package in (*tools, *packages)}
    kernel = next((name for name in known if name.startswith("linux-image-") and manifest.kernel in name), "")
    for path, sha256 in sorted(manifest.files.items()):
        if path.startswith(LOADED):
            made_of = [LOADERS.get(path, "")] if path.startswith("pxegrub/") else [kernel]
            made_of += [INITRAMFS_TOOLS] if path.startswith("initrd.img-") else []
            yield SoftwareFile(path, sha256, tuple(known[name] for name in made_of if name in known))


def _find_top(manifest: SoftwareManifest, packages: Sequence[SoftwarePackage]) -> tuple[str, ...]:
    """The packages that the recipe names, and those on which no other package depends."""
    needed = {purl for package in packages for purl in package.depends}
    return tuple(package.purl for package in packages if package.name in manifest.named or package.purl not in needed)
