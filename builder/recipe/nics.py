"""The words that say which network drivers a node can boot with: a module of the kernel, or the name of a group."""

from __future__ import annotations

from collections.abc import Iterable

COMMON = "common"
ALL = "all"
WORDS = frozenset({COMMON, ALL})
"""Groups of drivers, each by the one word that a recipe writes; no module of Linux is called so."""

BOARDS = (
    "3c59x",
    "8139cp",
    "8139too",
    "alx",
    "atl1c",
    "atl1e",
    "atlantic",
    "e100",
    "e1000",
    "e1000e",
    "forcedeth",
    "igb",
    "igc",
    "jme",
    "ne2k_pci",
    "pcnet32",
    "r8169",
    "skge",
    "sky2",
    "tg3",
    "tulip",
    "via_rhine",
)
SERVERS = ("bnxt_en", "i40e", "ice", "ixgbe")
USB = ("aqc111", "asix", "ax88179_178a", "cdc_ether", "cdc_ncm", "r8152", "r8153_ecm", "rndis_host", "smsc95xx")
VIRTUAL = ("ena", "gve", "hv_netvsc", "igbvf", "ixgbevf", "virtio_net", "vmxnet3", "xen_netfront")

GROUP = tuple(sorted((*BOARDS, *SERVERS, *USB, *VIRTUAL)))
"""The drivers of `common`: wired cards of boards, servers, USB and virtual machines.

Together they take 4 MB.  Drivers that are rare and large, or do nothing without non-free firmware, are in `all` alone.
"""


def plain(name: str) -> str:
    """A module's name as the kernel itself writes it: modprobe(8) takes a hyphen for an underscore."""
    return name.replace("-", "_")


def is_removal(entry: str) -> bool:
    """Whether an entry takes a driver away from the groups before it."""
    return entry.startswith("-")


def expand(entries: Iterable[str]) -> tuple[str, ...]:
    """The drivers that `entries` name, with `common` replaced by its drivers.

    `all` stays as it is, since only the kernel says what it means, and so does each "-NAME" behind it.
    """
    chosen: dict[str, None] = {}
    for entry in entries:
        if is_removal(entry):
            chosen.pop(plain(entry[1:]), None)
            if ALL in chosen:
                chosen[f"-{plain(entry[1:])}"] = None
        else:
            chosen.update(dict.fromkeys(GROUP if entry == COMMON else [plain(entry)]))
    return tuple(chosen)


def may_hold(words: Iterable[str], name: str) -> bool:
    """Whether one of `words` is a group that has the driver `name`, or may have it."""
    groups = WORDS.intersection(words)
    return ALL in groups or (COMMON in groups and plain(name) in GROUP)
