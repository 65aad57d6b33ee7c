"""The models of the tables that the user writes: of a recipe, of a cluster and of an element.toml.

A table that needs no resolving has the model of `builder.recipe.models`.  The models here also accept tables without
keys that another file of the recipe may add; `builder.recipe.load` reports the keys that are missing in the end.

The default of a table is constructed without validation.  With validation, pydantic would make a validator for each
table whenever this module is imported, besides that of the whole recipe.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, Literal

from pydantic import Field

from builder.recipe.base_model import Model
from builder.recipe.choices import Access, DhcpServer, ImageFormat, NfsServer, RootKind, RootTransport, TftpServer
from builder.recipe.models import (
    Boot,
    Debian,
    Image,
    Initramfs,
    Kernel,
    Kerrighed,
    Login,
    Logs,
    Node,
    Root,
    Server,
    WritableDirectory,
)
from builder.recipe.patterns import (
    ClusterName,
    DomainName,
    ElementName,
    EnvironmentName,
    Interface,
    KernelArgument,
    Line,
    LogServer,
    ModuleName,
    NtpServer,
    PackageName,
    PackageNeed,
    Pattern,
    Port,
    ReleaseName,
    Title,
    TreePath,
    VariableName,
    Version,
)

NIC_DRIVERS = ("initramfs", "nic_drivers")
"""The list in which "-NAME" may also take a driver out of an inherited group; "-NAME" stays as long as the group."""

ADDITIVE = frozenset(
    {
        ("elements",),
        ("environment",),
        ("paths", "elements"),
        ("debian", "components"),
        ("debian", "packages"),
        ("kernel", "arguments"),
        ("initramfs", "modules"),
        NIC_DRIVERS,
        ("login", "ssh_keys"),
        ("ports",),
    }
)
"""The lists to which an extending recipe adds entries; its entry "-NAME" removes an inherited NAME."""


class PathsInput(Model):
    """`[paths]`: further directories of elements."""

    elements: tuple[Line, ...] = Field(
        default=(), description="Directories of elements, relative to this file; they are searched before all others."
    )


class ImageInput(Model):
    """`[image]`: the release's name and version."""

    name: ReleaseName | None = Field(default=None, description=Image.model_fields["name"].description)
    version: Version | None = Field(default=None, description=Image.model_fields["version"].description)
    description: Title = Field(default="", description=Image.model_fields["description"].description)


class KernelInput(Model):
    """`[kernel]`: the nodes' kernel."""

    package: PackageName | None = Field(default=None, description=Kernel.model_fields["package"].description)
    arguments: tuple[KernelArgument, ...] = Field(default=(), description=Kernel.model_fields["arguments"].description)


class RootInput(Model):
    """`[root]`: the NFSROOT on the server and how nodes mount it."""

    path: TreePath | None = Field(default=None, description=Root.model_fields["path"].description)
    kind: RootKind = Field(default=RootKind.DIRECTORY, description=Root.model_fields["kind"].description)
    format: ImageFormat = Field(default=ImageFormat.SQUASHFS, description=Root.model_fields["format"].description)
    transport: RootTransport = Field(default=RootTransport.NFS, description=Root.model_fields["transport"].description)
    access: Access = Field(default=Access.READ_ONLY, description=Root.model_fields["access"].description)
    writable: tuple[WritableDirectory, ...] = Field(default=(), description=Root.model_fields["writable"].description)
    nfs_version: Literal[3, 4] = Field(default=3, description=Root.model_fields["nfs_version"].description)
    state: TreePath | None = Field(default=None, description=Root.model_fields["state"].description)
    isolate: bool = Field(default=False, description=Root.model_fields["isolate"].description)


class LogsInput(Model):
    """`[logs]`: the machine to which nodes send the warnings of their journals and the kernel's last messages."""

    server: LogServer | None = Field(default=None, description=Logs.model_fields["server"].description)


class ServerInput(Model):
    """`[cluster.server]`: the machine that serves DHCP, TFTP and NFS."""

    name: str | None = Field(default=None, description=Server.model_fields["name"].description)
    address: IPv4Address | None = Field(default=None, description=Server.model_fields["address"].description)
    interface: Interface = Field(default="", description=Server.model_fields["interface"].description)
    dhcp: DhcpServer = Field(default=DhcpServer.ISC, description=Server.model_fields["dhcp"].description)
    tftp: TftpServer = Field(default=TftpServer.TFTPD_HPA, description=Server.model_fields["tftp"].description)
    nfs: NfsServer = Field(default=NfsServer.KERNEL, description=Server.model_fields["nfs"].description)


class NodesInput(Model):
    """`[[cluster.nodes]]`: one node, or a range of them."""

    names: str | None = Field(default=None, description="Host names, for example ssi[1-4] or node[001-100].")
    addresses: str | None = Field(default=None, description="IPv4 addresses, for example 192.168.0.[101-104].")
    macs: tuple[str, ...] | None = Field(default=None, description="MAC addresses, in the order of the names.")
    macs_file: str | None = Field(
        default=None,
        description="CSV file beside this one: columns name and mac under a header, or one MAC address per line.",
    )
    nic: ModuleName | None = Field(default=None, description=Node.model_fields["nic"].description)


class ClusterInput(Model):
    """`[cluster]`: the network, the server and the nodes."""

    name: ClusterName | None = Field(default=None, description="Name of the cluster; the file's name when absent.")
    domain: DomainName | None = Field(default=None, description="DNS domain of the nodes, for example cluster.home.")
    subnet: IPv4Network | None = Field(default=None, description="The nodes' network, for example 192.168.0.0/24.")
    gateway: IPv4Address | None = Field(default=None, description="The nodes' default router, if any.")
    broadcast: IPv4Address | None = Field(default=None, description="Broadcast address; the subnet's when absent.")
    dns: tuple[IPv4Address, ...] = Field(default=(), description="Addresses of DNS servers.")
    ntp: tuple[NtpServer, ...] = Field(default=(), description="Addresses or host names of NTP servers.")
    server: ServerInput = Field(
        default=ServerInput.model_construct(), description="The machine that serves DHCP, TFTP and NFS."
    )
    nodes: tuple[NodesInput, ...] = Field(default=(), description="The diskless nodes.")


StoreName = Annotated[str, Pattern(r"[A-Za-z0-9][A-Za-z0-9._-]*", "letters, digits and . _ -, a letter or digit first")]
StoreAddress = Annotated[
    str,
    Pattern(r"(?:[A-Za-z0-9]+://|/|~/)[^\x00-\x20\x7f]*", 'a URL or an absolute path, such as "https://store.example"'),
]


class StoreInput(Model):
    """`[stores.NAME]`: the address of a store, which commands such as publish know by this name."""

    url: StoreAddress = Field(description="Address of the store: a URL, or the absolute path of a directory.")
    endpoint: Line | None = Field(default=None, description="URL of an S3 server that is not AWS.")
    region: Line | None = Field(default=None, description="Region of an S3 server.")
    plain_http: bool | None = Field(
        default=None, description="Whether a registry is asked without TLS; when absent, only one on this machine is."
    )


class RecipeInput(Model):
    """A recipe of nfsroot: what the tree holds, how it boots and which cluster it serves."""

    extends: str | None = Field(
        default=None, description="Recipe that this one changes: its name, or a path relative to this file."
    )
    elements: tuple[ElementName, ...] = Field(
        default=(), description="diskimage-builder elements; their dependencies come with them."
    )
    paths: PathsInput = Field(default=PathsInput.model_construct(), description="Further directories of elements.")
    environment: tuple[EnvironmentName, ...] = Field(
        default=(),
        description="Variables of the environment whose values at the start of the build are passed to hooks.",
    )
    ports: tuple[Port, ...] = Field(
        default=(), description="Ports at which nodes listen, beside those that elements declare, such as 9100/tcp."
    )
    cluster: str | ClusterInput | None = Field(
        default=None,
        description="The cluster: a file, relative to this one or to a directory of recipes, or a table.",
    )
    image: ImageInput = Field(default=ImageInput.model_construct(), description="The release's name and version.")
    debian: Debian = Field(default=Debian.model_construct(), description="Suite, mirrors and packages of the tree.")
    kernel: KernelInput = Field(default=KernelInput.model_construct(), description="The nodes' kernel.")
    initramfs: Initramfs = Field(
        default=Initramfs.model_construct(), description="Kernel modules and compression of the initramfs."
    )
    root: RootInput = Field(
        default=RootInput.model_construct(), description="The nodes' root on the server, and how nodes mount it."
    )
    boot: Boot = Field(default=Boot.model_construct(), description="Network boot loaders and their menus.")
    login: Login = Field(default=Login.model_construct(), description="Who may log in on nodes.")
    logs: LogsInput = Field(
        default=LogsInput.model_construct(),
        description="Where nodes send the warnings of their journals and the kernel's last messages.",
    )
    kerrighed: Kerrighed | None = Field(default=None, description="Parameters of the single system image.")
    variables: dict[str, dict[str, Any]] = Field(
        default={}, description="Values of the elements' variables: a table per element."
    )
    stores: dict[StoreName, StoreInput] = Field(
        default={}, description="Stores by short names, as in `nfsroot publish --to NAME`."
    )


class VariableInput(Model):
    """`[variables.NAME]` of an element.toml."""

    type: Literal["string", "integer", "boolean"] = Field(description="Type of the variable's values.")
    default: Any = Field(description="Value when no recipe gives another one.")
    doc: Line = Field(description="One line of documentation.")


class ElementInput(Model):
    """The file element.toml of an element."""

    description: Line = Field(default="", description="One line about the element.")
    packages: tuple[PackageNeed, ...] = Field(
        default=(), description="Debian packages that the element needs; of `a | b` one is enough."
    )
    default_packages: tuple[PackageName, ...] = Field(
        default=(), description="Debian packages that give way to those of a recipe which conflict with them."
    )
    ports: tuple[Port, ...] = Field(
        default=(), description="Ports at which the element's services listen, such as 22/tcp."
    )
    secrets: tuple[TreePath, ...] = Field(
        default=(),
        description="Files or directories with secrets that the element puts into the tree, such as /etc/munge/key.",
    )
    variables: dict[VariableName, VariableInput] = Field(default={}, description="Variables that recipes may set.")
