"""The names and paths of a release: its files, and its directories on the server."""

from __future__ import annotations

from typing import NamedTuple

from builder.recipe.choices import RootKind, RootTransport
from builder.recipe.models import Recipe
from builder.release_names import TFTP_DIRECTORY, bundle_file, release_name


class Layout(NamedTuple):
    """The names and paths of the release of `recipe` that has `version`.

    `kernel_version` is KVER in vmlinuz-KVER and /lib/modules/KVER, and `tool_version` the version of nfsroot that makes
    the release.  Both may be empty for those who need none of the names in which they stand.
    """

    recipe: Recipe
    version: str
    kernel_version: str = ""
    tool_version: str = ""

    @property
    def name(self) -> str:
        """The release's whole name, NAME-VERSION."""
        return release_name(self.recipe.image.name, self.version)

    @property
    def root_file(self) -> str:
        """The file of the release that holds the tree."""
        return f"{self.name}-root.{self.recipe.root.format if self._is_image else 'tar.zst'}"

    @property
    def overlay_file(self) -> str:
        """The file of the release that holds the overlay: the root tarball, or an archive beside a root image."""
        return f"{self.name}-overlay.tar.zst" if self._is_image else self.root_file

    @property
    def bundle_file(self) -> str:
        """The file of the release that holds the server bundle."""
        return bundle_file(self.recipe.image.name, self.version)

    @property
    def kernel_file(self) -> str:
        """The file of the kernel, in the release and on the TFTP server."""
        return f"vmlinuz-{self.kernel_version}"

    def initramfs_file(self, nic: str | None = None) -> str:
        """The file of the initramfs for nodes with this `nic`, or without, in the release and on the TFTP server."""
        return f"initrd.img-{self.kernel_version}{f'.{nic}' if nic else ''}"

    @property
    def tftp_directory(self) -> str:
        """The directory of kernel and initramfs, as a path below what the TFTP and HTTP servers serve."""
        return f"/{self.recipe.image.name}/{self.version}"

    @property
    def served_directory(self) -> str:
        """The directory of kernel and initramfs on the server."""
        return f"/{TFTP_DIRECTORY}{self.tftp_directory}"

    @property
    def server_directory(self) -> str:
        """The directory on the server with the release's root: the unpacked tree, or the image."""
        if self.recipe.root.transport is RootTransport.HTTP:
            return self.served_directory
        return f"{self.recipe.root.path}/{self.version}"

    @property
    def root_place(self) -> str:
        """The path on the server that nodes mount or fetch: the directory of the root, or the image in it."""
        directory = self.server_directory
        return f"{directory}/root.{self.recipe.root.format}" if self._is_image else directory

    @property
    def root_source(self) -> str:
        """The root's source for nodes: ADDRESS:DIRECTORY, which they mount, or the URL of the image that they fetch."""
        address = self.recipe.cluster.server.address
        if self.recipe.root.transport is RootTransport.HTTP:
            return f"http://{address}{self.tftp_directory}/root.{self.recipe.root.format}"
        return f"{address}:{self.server_directory}"

    @property
    def shared_directory(self) -> str:
        """The directory on the NFS server with the release's shared writable directories, by their paths.

        An NFSv3 client asks where an export begins (RFC 1813, appendix I).  An NFSv4 client walks from the top, and
        Linux's server changes to another export only at a mount point.  So with NFSv4 the shared directories cannot
        stand in the root, which is an export of its own.
        """
        directory = self.server_directory
        return directory if self.recipe.root.nfs_version == 3 else f"{directory}.shared"

    @property
    def _is_image(self) -> bool:
        return self.recipe.root.kind is RootKind.IMAGE
