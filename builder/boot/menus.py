"""The GRUB menus of the nodes: the kernel, initramfs and kernel arguments of each node.

Every menu is written twice from one `MenuEntry`: in GRUB legacy's syntax, which `legacycfg` reads, and in GRUB 2's, for
the signed GRUB, which has no `legacycfg`.  `grub.cfg` chooses a node's menu, and whether kernel and initramfs come over
TFTP or HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import NamedTuple

from builder.boot import arguments
from builder.layout import Layout
from builder.recipe.choices import Access, Transport
from builder.recipe.models import Boot, Kerrighed, Node, Recipe
from builder.release_names import MENUS
from builder.rendered_files import RenderedFile, header, text_file
from builder.templates import fill, filler

TEMPLATES = "builder.boot"
DEFAULT_MENU = "default"


class MenuEntry(NamedTuple):
    """An entry of a boot menu.  `kernel` and `initrd` are paths below the directory that TFTP and HTTP serve.

    The kernel arguments in `arguments` are common to all nodes; a node's `own` arguments follow them.
    """

    title: str
    kernel: str
    initrd: str
    arguments: tuple[str, ...]
    own: tuple[str, ...] = ()


def menu_entries(layout: Layout) -> Iterator[tuple[Node, MenuEntry]]:
    """Yield each node of the cluster with its menu entry."""
    recipe, entry = layout.recipe, common_entry(layout)
    for node in recipe.cluster.nodes:
        initrd = f"{layout.tftp_directory}/{layout.initramfs_file(node.nic)}"
        ids = _kerrighed_ids(recipe.kerrighed, node) if recipe.kerrighed else ()
        yield node, entry._replace(initrd=initrd, own=(boot_nic(node.mac.replace(":", "-")), *ids))


def boot_nic(mac: str) -> str:
    """The kernel argument by which the initramfs asks DHCP only at the NIC from which the node has booted.

    Its form is PXELINUX's: hardware type and MAC address, joined by hyphens.  initramfs-tools(7) reads it.
    """
    return f"BOOTIF=01-{mac}"


def _kerrighed_ids(kerrighed: Kerrighed, node: Node) -> tuple[str, ...]:
    return f"session_id={kerrighed.session_id}", f"node_id={kerrighed.node_ids.get(node.name, node.ordinal)}"


def common_entry(layout: Layout) -> MenuEntry:
    """The menu entry of a node without arguments or drivers of its own."""
    recipe, tftp = layout.recipe, layout.tftp_directory
    ours = (*_root_arguments(layout), *_console_arguments(recipe.boot))
    return MenuEntry(
        title=f"{recipe.image.name} {layout.version}, Linux {layout.kernel_version}",
        kernel=f"{tftp}/{layout.kernel_file}",
        initrd=f"{tftp}/{layout.initramfs_file()}",
        arguments=(*ours, *recipe.kernel.arguments),
    )


def _console_arguments(boot: Boot) -> Iterator[str]:
    """Kernel arguments for a node's consoles (kernel-parameters.txt), and for its restart after a panic.

    With a serial line, the kernel's messages go to screen and serial line; without one, only errors go to the screen,
    on which people want to log in.  Initramfs and systemd use the last console.
    """
    if boot.panic_seconds:
        yield f"panic={boot.panic_seconds}"
    if boot.serial:
        yield "console=tty0"
        yield f"console={boot.serial}"
    else:
        yield "quiet"


def _root_arguments(layout: Layout) -> Iterator[str]:
    """Kernel arguments that say where a node's root is: on NFS over TCP, or at a URL.

    Their forms are those of nfsroot.txt (Linux) and initramfs-tools(7).  A read-only root does not change, so nodes
    need not ask the server at each opening of a file whether the file has changed (nocto, nfs(5)).  This halves the
    requests of a node until it runs.
    """
    recipe, source = layout.recipe, layout.root_source
    read_only = recipe.root.access is Access.READ_ONLY
    yield f"root={'/dev/nfs' if recipe.needs_nfs else source}"
    yield "ip=dhcp"
    if recipe.needs_nfs:
        yield f"nfsroot={source},v{recipe.root.nfs_version},tcp{',nocto' if read_only else ''}"
    yield "ro" if read_only else "rw"


def render(layout: Layout) -> Iterator[RenderedFile]:
    """The files of all menus, below the directory that the TFTP server serves.

    `grub/HOST` is a node's menu in GRUB legacy's syntax, `grub/HOST.cfg` in GRUB 2's; `grub/MAC.cfg` names the host
    with this MAC address.
    """
    recipe, top = layout.recipe, header(layout)
    http = recipe.cluster.server.address if recipe.boot.transport is Transport.HTTP else None
    entry = common_entry(layout)
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
    for node, entry in menu_entries(layout):
        yield text_file(f"{MENUS}/{node.name}", menu(entry))
        yield text_file(f"{MENUS}/{node.name}.cfg", menu_cfg(entry))
        yield text_file(f"{MENUS}/{node.mac}.cfg", mac_cfg(node))


def _choose(recipe: Recipe, entry: MenuEntry, top: str, http: IPv4Address | None) -> str:
    """The text of `grub.cfg`, which chooses a node's menu."""
    serial = recipe.boot.serial.removeprefix("ttyS").split(",") if recipe.boot.serial else None
    legacy = arguments.pass_legacycfg(entry.arguments)
    return fill(TEMPLATES, "grub.cfg", header=top, http=http, serial=serial, legacy=legacy)


def _render_refusal(recipe: Recipe, top: str) -> Iterator[RenderedFile]:
    """The menu of nodes without a menu of their own, in clusters where each needs one: a message, nothing to boot."""
    reason = (
        "This node does not boot: no menu with its own node_id= was found for it.",
        f"Add it to the nodes of {recipe.cluster.name} (name, address, MAC address),",
        "build a release and run the install.sh of its server bundle.",
    )
    for suffix in ("", ".cfg"):
        text = fill(TEMPLATES, f"refusal{suffix}", header=top, reason=reason)
        yield text_file(f"{MENUS}/{DEFAULT_MENU}{suffix}", text)
