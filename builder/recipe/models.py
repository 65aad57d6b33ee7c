"""The models of a resolved recipe: inheritance is applied, ranges of nodes are expanded, elements are found.

These models are frozen and hold values only; `builder.recipe.load` reads files and reports mistakes.
"""

from __future__ import annotations

import os
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_serializer, model_validator

from builder.recipe.base_model import Model
from builder.recipe.choices import (
    LOG_PROGRAM,
    STATE_KINDS,
    Access,
    DhcpServer,
    ImageFormat,
    NfsServer,
    RootKind,
    RootTransport,
    TftpServer,
    Transport,
    Variant,
    WritableKind,
)
from builder.recipe.element_models import Element
from builder.recipe.former_names import rename_table
from builder.recipe.patterns import (
    AccountName,
    Architecture,
    Component,
    HostName,
    Interface,
    KernelArgument,
    Mirror,
    ModuleName,
    NicDriver,
    PackageName,
    Port,
    ReleaseName,
    SerialLine,
    Suite,
    Title,
    TreePath,
    Version,
)
from builder.recipe.place import Place
from builder.recipe.secret_values import hash_secret, hide_secrets


class Image(Model):
    """`[image]`: the release's name and version."""

    name: ReleaseName = Field(description="Name of the release; the recipe's file name when absent.")
    version: Version | None = Field(
        default=None, description="Version of the release; the source date (YYYY.MM.DD) when absent."
    )
    description: Title = Field(default="", description="One line about the release.")


class Debian(Model):
    """`[debian]`: suite, mirrors and packages of the tree."""

    suite: Suite = Field(default="trixie", description="Debian suite: trixie or bookworm.")
    architecture: Architecture = Field(
        default="amd64", description="Debian architecture of the nodes: amd64, or with bookworm i386."
    )
    components: tuple[Component, ...] = Field(
        default=("main",), description="Components of the archive, such as main and contrib."
    )
    mirror: Mirror | None = Field(
        default=None, description="URL of a mirror of the archive; the bootstrap tool's default when absent."
    )
    security_mirror: Mirror | None = Field(
        default=None, description="URL of a mirror of the security archive; the bootstrap tool's default when absent."
    )
    packages: tuple[PackageName, ...] = Field(
        default=(), description="Packages to install in the tree, in addition to those of its elements."
    )
    accounts: dict[AccountName, Annotated[int, Field(ge=100, le=64999)]] = Field(
        default={},
        description="Number of the user and of the group of system accounts, by name, where nfsroot has another one.",
    )


class Kernel(Model):
    """`[kernel]`: the nodes' kernel."""

    package: PackageName = Field(
        description="Debian package of the kernel; the usual one of the architecture when absent."
    )
    arguments: tuple[KernelArgument, ...] = Field(default=(), description="Kernel arguments of every node.")


class Initramfs(Model):
    """`[initramfs]`: kernel modules and compression of the initramfs."""

    modules: tuple[ModuleName, ...] = Field(
        default=(), description="Kernel modules to add to the NFS client and the network drivers."
    )
    nic_drivers: tuple[NicDriver, ...] = Field(
        default=("common",),
        description="Drivers for nodes without nic in the cluster file: kernel modules, or the groups common and all.",
    )
    compression: Literal["zstd", "gzip", "xz", "lz4"] = Field(
        default="zstd", description="Compression of the initramfs."
    )
    compression_level: int = Field(default=9, ge=1, le=19, description="Level of the compression.")


class WritableDirectory(Model):
    """One entry of `root.writable`: a directory that nodes may write to although the root is read-only."""

    path: TreePath = Field(description="Absolute path in the tree.")
    kind: WritableKind = Field(
        description="node: a directory for each node; persistent: one for all nodes; both outlive the release. "
        "shared: one for all nodes, which belongs to the release. tmpfs: the node's memory."
    )
    size_mib: int | None = Field(
        default=None, ge=1, description="Greatest size of a tmpfs in MiB; half of the node's memory when absent."
    )


class Root(Model):
    """`[root]`: the NFSROOT on the server and how nodes mount it."""

    path: TreePath = Field(
        description="Directory on the NFS server with a directory for each release; /NFSROOT/NAME when absent."
    )
    kind: RootKind = Field(
        default=RootKind.DIRECTORY,
        description="directory: nodes mount the tree; image: they have a root image, and write to their memory.",
    )
    format: ImageFormat = Field(default=ImageFormat.SQUASHFS, description="File system of the root image.")
    transport: RootTransport = Field(
        default=RootTransport.NFS,
        description="nfs: nodes mount the root; http: they fetch the root image into their memory.",
    )
    access: Access = Field(
        default=Access.READ_ONLY, description="ro: nodes mount the root read-only; rw: all nodes write to one root."
    )
    writable: tuple[WritableDirectory, ...] = Field(default=(), description="Directories that nodes may write to.")
    nfs_version: Literal[3, 4] = Field(default=3, description="Version of NFS by which nodes mount.")
    state: TreePath = Field(
        default="", description="Directory on the NFS server for files that outlive releases; PATH/state when absent."
    )
    isolate: bool = Field(
        default=False, description="Whether the state of a node is exported to that node alone, and not to the subnet."
    )

    @property
    def keeps_state(self) -> bool:
        """Whether nodes have a directory that outlives a release."""
        return any(directory.kind in STATE_KINDS for directory in self.writable)

    @property
    def shared(self) -> tuple[str, ...]:
        """The paths of the writable directories of kind "shared"."""
        return tuple(directory.path for directory in self.writable if directory.kind is WritableKind.SHARED)


class Boot(Model):
    """`[boot]`: network boot loaders and their menus."""

    variants: tuple[Variant, ...] = Field(default=tuple(Variant), description="Boot loaders to make.")
    uefi: Variant = Field(default=Variant.SECURE_BOOT, description="The boot loader that DHCP names to UEFI x64 nodes.")
    transport: Transport = Field(
        default=Transport.TFTP,
        description="Protocol by which GRUB loads kernel and initramfs; with http, UEFI firmware may use HTTP, too.",
    )
    timeout_seconds: int = Field(default=1, ge=0, description="Seconds that the menu waits for a choice.")
    serial: SerialLine | None = Field(
        default=None, description="Serial line of the nodes' consoles, for example ttyS0,115200."
    )
    panic_seconds: int = Field(
        default=30,
        ge=0,
        description="Seconds after which a node restarts whose kernel panicked; 0: it does not restart.",
    )


class Login(Model):
    """`[login]`: who may log in on nodes.  Without a password's hash and without ssh keys root is locked."""

    root_password_hash: str | None = Field(default=None, description="crypt(5) hash of root's password.")
    ssh_keys: tuple[str, ...] = Field(default=(), description="Public keys that may log in as root.")

    @field_serializer("root_password_hash", when_used="json")
    def _password_hash_without_its_secret(self, value: str | None) -> str | None:
        """The digest of the password hash, because manifests are public: nobody can test guesses against it."""
        return None if value is None else hash_secret(value)


class Logs(Model):
    """`[logs]`: the machine to which nodes send the warnings of their journals and the kernel's last messages."""

    server: IPv4Address | None = Field(
        default=None,
        description="Address of a log server, or cluster for the cluster's own server; nodes send nothing when absent.",
    )


class Kerrighed(Model):
    """`[kerrighed]`: parameters of the single system image."""

    session_id: int = Field(default=1, ge=1, le=9999, description="Kernel argument session_id= of every node.")
    node_ids: dict[str, Annotated[int, Field(ge=0, le=255)]] = Field(
        default={}, description="Kernel argument node_id= by node name; the node's place in the cluster when absent."
    )
    cluster_file: bool = Field(default=True, description="Whether to write /etc/kerrighed_nodes.")


class Node(Model):
    """One diskless node, after ranges are expanded.  `ordinal` counts from 1 in the order of the file."""

    name: str
    address: IPv4Address
    mac: str = Field(description="MAC address in lower case, with colons.")
    ordinal: int
    nic: str | None = Field(
        default=None, description="Driver of the NIC that the node boots from, or a group of drivers: common or all."
    )


class Server(Model):
    """The machine that serves DHCP, TFTP and NFS."""

    name: HostName = Field(description="Host name of the server, without domain.")
    address: IPv4Address = Field(description="The server's address on the cluster's network.")
    interface: Interface = Field(
        default="", description="The server's interface on the cluster's network; found by address when empty."
    )
    dhcp: DhcpServer = Field(default=DhcpServer.ISC, description="The DHCP server that install.sh sets up.")
    tftp: TftpServer = Field(default=TftpServer.TFTPD_HPA, description="The TFTP server that install.sh sets up.")
    nfs: NfsServer = Field(default=NfsServer.KERNEL, description="The NFS server that install.sh sets up.")


class Cluster(Model):
    """The cluster that a release serves, resolved."""

    name: str
    domain: str
    subnet: IPv4Network
    gateway: IPv4Address | None = None
    broadcast: IPv4Address
    dns: tuple[IPv4Address, ...] = ()
    ntp: tuple[str, ...] = ()
    server: Server
    nodes: tuple[Node, ...]
    nic_places: dict[str, Place] = Field(
        default={}, exclude=True, description="Place in the user's files where each nic is written first."
    )


def _name(file: Path) -> str:
    """The name of a file as UTF-8 text on one line, so that a release does not depend on the builder's locale."""
    text = os.fsencode(file.name).decode(errors="replace")
    return "".join(sign if sign.isprintable() else "?" for sign in text)


class Recipe(Model):
    """A resolved recipe: complete and checked."""

    files: tuple[Path, ...] = Field(description="Every file that the recipe was read from, the recipe itself first.")
    image: Image
    debian: Debian
    kernel: Kernel
    initramfs: Initramfs
    root: Root
    boot: Boot
    login: Login
    logs: Logs = Field(default=Logs.model_construct(), description="Where nodes send warnings and crashes.")
    ports: tuple[Port, ...] = Field(
        default=(), description="Ports at which nodes listen, beside those that elements declare."
    )
    kerrighed: Kerrighed | None
    elements: tuple[Element, ...] = Field(description="All elements with their dependencies, dependencies first.")
    element_directories: tuple[Path, ...] = Field(
        default=(), exclude=True, description="Where the recipe looks for elements before all other directories."
    )
    variables: dict[str, dict[str, Any]] = Field(description="Value of every variable, by element and name.")
    environment: dict[str, str] = Field(
        default={}, description="Values of the environment's variables that the recipe names."
    )
    cluster: Cluster
    left_out: tuple[str, ...] = Field(
        default=(), description="Default packages of elements that are left out of the tree."
    )
    places: dict[str, tuple[Path, int, int]] = Field(
        default={}, exclude=True, description="File, line and column where the recipe names a package, by its name."
    )
    module_places: dict[str, Place] = Field(
        default={}, exclude=True, description="Where each entry of [initramfs] modules and nic_drivers is written."
    )
    notices: tuple[str, ...] = Field(
        default=(), exclude=True, description="A sentence for each key that has another name now, with its place."
    )

    @model_validator(mode="before")
    @classmethod
    def _rename_keys(cls, recipe: Any) -> Any:
        """The values of a recipe by their present names: the manifest of an older nfsroot has old ones."""
        return rename_table(recipe) if isinstance(recipe, dict) else recipe

    @field_serializer("files", when_used="json")
    def _files_without_this_machine(self, files: tuple[Path, ...]) -> list[str]:
        return [_name(file) for file in files]

    @property
    def file_name(self) -> str:
        """The name of the recipe's file, in a form that may stand in a comment of any rendered file."""
        return _name(self.files[0])

    @field_serializer("variables", when_used="json")
    def _variables_without_secrets(self, variables: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {element: hide_secrets(values) for element, values in variables.items()}

    @field_serializer("environment", when_used="json")
    def _environment_without_secrets(self, environment: dict[str, str]) -> dict[str, Any]:
        return hide_secrets(environment)

    @property
    def packages(self) -> tuple[str, ...]:
        """The names of all packages of the tree, those of kernel and elements included, sorted, without repeats."""
        log_client = (LOG_PROGRAM,) if self.logs.server else ()
        return tuple(sorted({*self.base_packages, *self.debian.packages, *log_client}))

    @property
    def base_packages(self) -> tuple[str, ...]:
        """The names of the packages of the tree's base, those of kernel and elements, sorted, without repeats."""
        needs = (need for element in self.elements for need in element.needs(self.debian.packages))
        defaults = (package for element in self.elements for package in element.default_packages)
        return tuple(sorted({self.kernel.package, *needs, *(set(defaults) - set(self.left_out))}))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The paths in the tree of secrets that elements bring on purpose, sorted."""
        return tuple(sorted({path for element in self.elements for path in element.secrets}))

    @property
    def open_ports(self) -> tuple[str, ...]:
        """The ports at which nodes may listen, such as `22/tcp`: the recipe's and its elements', sorted by number."""
        declared = {*self.ports, *(port for element in self.elements for port in element.ports)}
        return tuple(sorted(declared, key=lambda port: (int(port.partition("/")[0]), port)))

    @property
    def needs_http(self) -> bool:
        """Whether the release needs an HTTP server, which serves the same directory as the TFTP server."""
        return self.boot.transport is Transport.HTTP or not self.needs_nfs

    @property
    def needs_nfs(self) -> bool:
        """Whether the release needs an NFS server."""
        return self.root.transport is RootTransport.NFS

    @property
    def needs_log_server(self) -> bool:
        """Whether the cluster's own server is to receive what nodes log."""
        return self.logs.server == self.cluster.server.address

    @property
    def state_places(self) -> dict[WritableKind, str]:
        """The directories on the server with state, by kind: one for all nodes, and one with each node's own."""
        places = {WritableKind.PERSISTENT: f"{self.root.state}/all", WritableKind.NODE: f"{self.root.state}/nodes"}
        kinds = {directory.kind for directory in self.root.writable}
        return {kind: place for kind, place in places.items() if kind in kinds}
