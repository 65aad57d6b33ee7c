"""The server bundle: what the DHCP, TFTP and NFS servers of a cluster need, laid out as their file system."""

from __future__ import annotations

import uuid
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from builder.boot import menus
from builder.files import RenderedFile, header, text_file
from builder.recipe.models import Access, Recipe, ReleaseFacts, Variant, WritableKind

TFTP_DIRECTORY = "srv/tftp"
BIOS_LOADER = "/pxegrub"
UEFI_LOADERS = {Variant.X86_64_EFI: "/pxegrub.efi", Variant.SECURE_BOOT: "/shimx64.efi"}

_templates = Environment(
    loader=PackageLoader("builder.server"), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
)


class Export(NamedTuple):
    """One directory that the NFS server exports, with options as in exports(5)."""

    path: str
    options: tuple[str, ...]


def render(recipe: Recipe, facts: ReleaseFacts) -> tuple[RenderedFile, ...]:
    """Every text file of the bundle, sorted by path; menus stand below srv/tftp."""
    release = f"{recipe.image.name}-{facts.version}"
    files = (
        ("README", "README", 0o644),
        ("install.sh", "install.sh", 0o755),
        ("dhcpd.conf", "etc/dhcp/dhcpd.conf", 0o644),
        ("isc-dhcp-server", "etc/default/isc-dhcp-server", 0o644),
        ("tftpd-hpa", "etc/default/tftpd-hpa", 0o644),
        ("exports", f"etc/exports.d/{release}.exports", 0o644),
        ("hosts.nfsroot", "etc/hosts.nfsroot", 0o644),
    )
    values = _values(recipe, facts, release)
    settings = [
        text_file(path, _templates.get_template(f"{name}.j2").render(values), mode) for name, path, mode in files
    ]
    served = [RenderedFile(TFTP_DIRECTORY / file.path, file.content, file.mode) for file in menus.render(recipe, facts)]
    return tuple(sorted(settings + served))


def exports(recipe: Recipe, version: str) -> tuple[Export, ...]:
    """What the NFS server exports for a release: its root, and each shared writable directory of a read-only root.

    The options are exports(5)'s.  `fsid` makes handles of the exports differ although they share a file system,
    which need not have a UUID of its own.
    """
    root = recipe.server_directory(version)
    if recipe.root.access is Access.READ_WRITE:
        return (_export(recipe, root, "rw", "async"),)
    shared = (directory.path for directory in recipe.root.writable if directory.kind is WritableKind.SHARED)
    return (_export(recipe, root, "ro", "async"), *(_export(recipe, root + path, "rw", "sync") for path in shared))


def _export(recipe: Recipe, path: str, access: str, commit: str) -> Export:
    fsid = uuid.uuid5(uuid.NAMESPACE_URL, f"nfs://{recipe.cluster.server.address}{path}")
    return Export(path, (access, commit, "no_root_squash", "no_subtree_check", f"fsid={fsid}"))


def _values(recipe: Recipe, facts: ReleaseFacts, release: str) -> dict[str, object]:
    variants = recipe.boot.variants
    return {
        "header": header(recipe, facts),
        "title": f"{recipe.image.name} {facts.version}: server bundle",
        "release": release,
        "recipe": recipe,
        "cluster": recipe.cluster,
        "facts": facts,
        "directory": recipe.server_directory(facts.version),
        "exports": exports(recipe, facts.version),
        "bios_loader": BIOS_LOADER if Variant.I386_PC in variants else None,
        "uefi_loader": UEFI_LOADERS.get(recipe.boot.uefi) if recipe.boot.uefi in variants else None,
    }
