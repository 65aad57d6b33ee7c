"""GRUB menus of the nodes: which kernel, initramfs and arguments each of them boots with.

Every menu is written twice from one `MenuEntry`: in GRUB legacy's syntax, which `legacycfg` reads, and in
GRUB 2's, for the signed GRUB that has no `legacycfg`.  `grub.cfg` chooses a node's menu, and whether kernel and
initramfs come over TFTP or HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import NamedTuple

from builder.boot import arguments
from builder.files import RenderedFile, header, text_file
from builder.recipe.models import TFTP_DIRECTORY, Access, Boot, Kerrighed, Node, Recipe, ReleaseFacts, Transport
from builder.templates import fill, filler

TEMPLATES = "builder.boot"
DEFAULT_MENU = "default"
MENUS = f"{TFTP_DIRECTORY}/grub"
"""Their directory, relative to the root of the server's file system."""


class MenuEntry(NamedTuple):
    """One thing to boot.  `kernel` and `initrd` are paths below what TFTP and HTTP serve.

    All nodes have the kernel's `arguments` in common; each has `own` ones after them.
    """

    title: str
    kernel: str
    initrd: str
    arguments: tuple[str, ...]
    own: tuple[str, ...] = ()


def menu_entries(recipe: Recipe, facts: ReleaseFacts) -> Iterator[tuple[Node, MenuEntry]]:
    """Every node, and what it boots."""
    entry = common_entry(recipe, facts)
    for node in recipe.cluster.nodes:
        initrd = f"{recipe.tftp_directory(facts.version)}/{facts.initrd_for(node.nic)}"
        ids = _kerrighed_ids(recipe.kerrighed, node) if recipe.kerrighed else ()
        yield node, entry._replace(initrd=initrd, own=(boot_nic(node.mac.replace(":", "-")), *ids))


def boot_nic(mac: str) -> str:
    """The argument that has the initramfs ask DHCP at the NIC that the node was loaded over, and at no other.

    PXELINUX made its form, hardware type and MAC address joined by hyphens; initramfs-tools(7) reads it.
    """
    return f"BOOTIF=01-{mac}"


def _kerrighed_ids(kerrighed: Kerrighed, node: Node) -> tuple[str, ...]:
    return f"session_id={kerrighed.session_id}", f"node_id={kerrighed.node_ids.get(node.name, node.ordinal)}"


def common_entry(recipe: Recipe, facts: ReleaseFacts) -> MenuEntry:
    """What any node boots that needs nothing of its own."""
    tftp = recipe.tftp_directory(facts.version)
    ours = (*_root_arguments(recipe, facts.version), *_console_arguments(recipe.boot))
    return MenuEntry(
        title=f"{recipe.image.name} {facts.version}, Linux {facts.kernel_version}",
        kernel=f"{tftp}/{facts.kernel_file}",
        initrd=f"{tftp}/{facts.initrd_file}",
        arguments=(*ours, *recipe.kernel.arguments),
    )


def _console_arguments(boot: Boot) -> Iterator[str]:
    """Kernel arguments for a node's consoles (kernel-parameters.txt), and for its restart after a panic.

    The kernel's messages go to the serial line that somebody asked for, and only its errors to a screen on which
    people want to log in.  The last console is the one of the initramfs and systemd.
    """
    if boot.panic_seconds:
        yield f"panic={boot.panic_seconds}"
    if boot.serial:
        yield "console=tty0"
        yield f"console={boot.serial}"
    else:
        yield "quiet"


def _root_arguments(recipe: Recipe, version: str) -> Iterator[str]:
    """Where a node's root is, in the words of nfsroot.txt (Linux) and initramfs-tools(7): NFS over TCP, or a URL.

    Nobody writes a root that nodes may only read, so that they need not ask the server at each opening of a file
    whether it is still the same (nocto, nfs(5)): half of what a node asks until it runs.
    """
    source, read_only = recipe.root_source(version), recipe.root.access is Access.READ_ONLY
    yield f"root={'/dev/nfs' if recipe.needs_nfs else source}"
    yield "ip=dhcp"
    if recipe.needs_nfs:
        yield f"nfsroot={source},v{recipe.root.nfs_version},tcp{',nocto' if read_only else ''}"
    yield "ro" if read_only else "rw"


def render(recipe: Recipe, facts: ReleaseFacts) -> Iterator[RenderedFile]:
    """Every menu, where the TFTP server has it.

    `grub/HOST` is a node's menu in GRUB legacy's syntax, `grub/HOST.cfg` in GRUB 2's, `grub/MAC.cfg` names the
    host that has that address.
    """
    top = header(recipe, facts)
    http = recipe.cluster.server.address if recipe.boot.transport is Transport.HTTP else None
    entry = common_entry(recipe, facts)
    yield text_file(f"{MENUS}/grub.cfg", _choose(recipe, entry, top, http))
    timeout = recipe.boot.timeout_seconds
    legacy, grub2 = arguments.legacy_words(entry.arguments), arguments.grub2_words(entry.arguments)
    menu = filler(TEMPLATES, "menu", header=top, timeout=timeout, http=http, arguments=legacy)
    menu_cfg = filler(TEMPLATES, "menu.cfg", header=top, timeout=timeout, arguments=grub2)
    mac_cfg = filler(TEMPLATES, "mac.cfg", header=top)
    if recipe.kerrighed:
        yield from _render_refusal(recipe, top)
    else:
        yield text_file(f"{MENUS}/{DEFAULT_MENU}", menu(entry))
        yield text_file(f"{MENUS}/{DEFAULT_MENU}.cfg", menu_cfg(entry._replace(own=(boot_nic("$mac"),))))
    for node, entry in menu_entries(recipe, facts):
        yield text_file(f"{MENUS}/{node.name}", menu(entry))
        yield text_file(f"{MENUS}/{node.name}.cfg", menu_cfg(entry))
        yield text_file(f"{MENUS}/{node.mac}.cfg", mac_cfg(node))


def _choose(recipe: Recipe, entry: MenuEntry, top: str, http: IPv4Address | None) -> str:
    """The text of `grub.cfg`, which chooses a node's menu."""
    serial = recipe.boot.serial.removeprefix("ttyS").split(",") if recipe.boot.serial else None
    legacy = arguments.pass_legacycfg(entry.arguments)
    return fill(TEMPLATES, "grub.cfg", header=top, http=http, serial=serial, legacy=legacy)


def _render_refusal(recipe: Recipe, top: str) -> Iterator[RenderedFile]:
    """The menu of a node that has none, where every node needs arguments of its own: it says so and boots nothing."""
    reason = (
        "This node does not boot: no menu with its own node_id= was found for it.",
        f"Add it to the nodes of {recipe.cluster.name} (name, address, MAC address),",
        "build a release and run the install.sh of its server bundle.",
    )
    for suffix in ("", ".cfg"):
        text = fill(TEMPLATES, f"refusal{suffix}", header=top, reason=reason)
        yield text_file(f"{MENUS}/{DEFAULT_MENU}{suffix}", text)
