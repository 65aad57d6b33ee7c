"""The words in a recipe that name the network drivers of nodes: a module of the kernel, or a group of drivers."""

from __future__ import annotations

from collections.abc import Iterable

COMMON = "common"
ALL = "all"
WORDS = frozenset({COMMON, ALL})
"""The names of groups of drivers; no module of Linux has one of these names."""

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


def normalize_name(name: str) -> str:
    """The module's name as the kernel writes it, with underscores; modprobe(8) takes hyphens for them."""
    return name.replace("-", "_")


def is_removal(entry: str) -> bool:
    """Whether an entry of `nic_drivers` is "-NAME", which takes a driver out of the groups before it."""
    return entry.startswith("-")


def expand(entries: Iterable[str]) -> tuple[str, ...]:
    """The drivers that `entries` name, with `common` replaced by its drivers.

    The word `all` stays, since only the kernel says which drivers it means, and so does each "-NAME" after it.
    """
    chosen: dict[str, None] = {}
    for entry in entries:
        if is_removal(entry):
            chosen.pop(normalize_name(entry[1:]), None)
            if ALL in chosen:
                chosen[f"-{normalize_name(entry[1:])}"] = None
        else:
            chosen.update(dict.fromkeys(GROUP if entry == COMMON else [normalize_name(entry)]))
    return tuple(chosen)


def may_hold(words: Iterable[str], name: str) -> bool:
    """Whether one of `words` is a group that has the driver `name`, or may have it."""
    groups = WORDS.intersection(words)
    return ALL in groups or (COMMON in groups and normalize_name(name) in GROUP)
