"""The keys of a recipe that have a few values to choose from."""

from __future__ import annotations

from enum import StrEnum


class Access(StrEnum):
    """Whether nodes mount their root read-only or read-write."""

    READ_ONLY = "ro"
    READ_WRITE = "rw"


class WritableKind(StrEnum):
    """The place of the files that nodes write into a directory: on the server, or in the node's memory."""

    SHARED = "shared"
    TMPFS = "tmpfs"
    PERSISTENT = "persistent"
    NODE = "node"


STATE_KINDS = frozenset({WritableKind.PERSISTENT, WritableKind.NODE})
"""The kinds of directories that outlive a release: they lie in `root.state` on the server, beside the releases."""


class RootKind(StrEnum):
    """The kind of the nodes' root: a tree of files, or a root image, which is one file that holds a file system."""

    DIRECTORY = "directory"
    IMAGE = "image"


class RootTransport(StrEnum):
    """The protocol by which nodes get their root: NFS file by file, HTTP a whole root image at boot."""

    NFS = "nfs"
    HTTP = "http"


class ImageFormat(StrEnum):
    """The file system in a root image."""

    EROFS = "erofs"
    SQUASHFS = "squashfs"


class Variant(StrEnum):
    """A kind of boot loader: GRUB for BIOS, GRUB for UEFI, or shim and a signed GRUB for Secure Boot."""

    I386_PC = "i386-pc"
    X86_64_EFI = "x86_64-efi"
    SECURE_BOOT = "secure-boot"


class Transport(StrEnum):
    """The protocol by which nodes load kernel and initramfs."""

    TFTP = "tftp"
    HTTP = "http"


class DhcpServer(StrEnum):
    """The program that serves DHCP."""

    ISC = "isc"
    KEA = "kea"
    DNSMASQ = "dnsmasq"


class TftpServer(StrEnum):
    """The program that serves TFTP."""

    TFTPD_HPA = "tftpd-hpa"
    DNSMASQ = "dnsmasq"


class NfsServer(StrEnum):
    """The program that serves NFS: the server's kernel, or nfs-ganesha, which needs no NFS server in the kernel."""

    KERNEL = "kernel"
    GANESHA = "ganesha"


LOG_PROGRAM = "rsyslog"
"""The program, and its Debian package, that sends what nodes log, and that receives it: `[logs] server` adds it."""
