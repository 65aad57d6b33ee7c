"""The modules of a kernel, from depmod(8)'s files and their own: names, dependencies, devices, firmware."""

from __future__ import annotations

import lzma
import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

WIRED = re.compile(r"kernel/drivers/net/(?:ethernet/|usb/|hyperv/|vmxnet3/|(?:virtio_net|xen-netfront)\.ko)")
"""The paths of the drivers of wired network cards."""
USB = re.compile(r"kernel/drivers/net/usb/")
ALL = "all"

COMPANIONS = {"virtio_net": ("virtio_pci",), "mlx4_core": ("mlx4_en",)}
"""The modules that a driver needs for an interface without depending on them, by driver.

They are the driver of the card's bus, or of the Ethernet half of the card.
"""
USB_HOST = ("xhci_pci",)
"""The modules that a card at USB needs likewise: the driver of the USB controller.

Firmware that can boot from a card at USB has a controller of this kind.
"""


class Modules:
    """The modules in `directory`, which is usr/lib/modules/VERSION of a tree."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @cached_property
    def paths(self) -> dict[str, str]:
        """The path of each module below the directory, by the module's name."""
        return {name_of(path): path for path in self._dependencies}

    @cached_property
    def aliases(self) -> list[tuple[str, str]]:
        """The patterns of device identifiers, each with the module that drives such devices (modules.alias)."""
        lines = (line.split() for line in self._lines("modules.alias"))
        return [(words[1], words[2].replace("-", "_")) for words in lines if words[0] == "alias"]

    def wired(self) -> list[str]:
        """The names of all drivers of wired network cards, sorted."""
        return sorted(name for name, path in self.paths.items() if WIRED.match(path))

    def chosen(self, words: Iterable[str]) -> list[str]:
        """The names of the modules that `words` name and the kernel has, with their companions.

        The word `all` means every driver of a wired network card, and "-NAME" removes a driver.
        """
        names: dict[str, None] = {}
        for word in words:
            if word.startswith("-"):
                names.pop(word[1:], None)
            else:
                names.update(dict.fromkeys(self.wired() if word == ALL else [word]))
        present = [name for name in names if name in self.paths]
        companions = [companion for name in present for companion in self._companions(name)]
        return sorted({*present, *(name for name in companions if name in self.paths)})

    def with_dependencies(self, names: Iterable[str]) -> list[str]:
        """The paths of the modules called `names` and of all that they depend on, sorted."""
        found: set[str] = set()
        left = [self.paths[name] for name in names]
        while left:
            path = left.pop()
            if path not in found:
                found.add(path)
                left += [*self._dependencies[path], *self._wished(path)]
        return sorted(found)

    def dependencies(self, path: str) -> list[str]:
        """The paths of all modules that must be loaded before the one at `path`, in modules.dep's order."""
        return self._dependencies[path]

    def content(self, path: str) -> bytes:
        """The decompressed content of the module at `path`."""
        file = self.directory / path
        if file.suffix == ".xz":
            return lzma.decompress(file.read_bytes())
        if file.suffix == ".zst":
            return subprocess.run(["zstd", "-dcq", file], stdout=subprocess.PIPE, check=True).stdout
        return file.read_bytes()

    @cached_property
    def _dependencies(self) -> dict[str, list[str]]:
        lines = (line.partition(":") for line in self._lines("modules.dep"))
        return {path: dependencies.split() for path, _, dependencies in lines}

    @cached_property
    def _soft(self) -> dict[str, list[str]]:
        lines = (line.split() for line in self._lines("modules.softdep"))
        return {words[1].replace("-", "_"): words[2:] for words in lines if words[0] == "softdep"}

    def _wished(self, path: str) -> Iterator[str]:
        """Yield the paths of the soft dependencies of the module at `path` (modprobe.d(5), softdep)."""
        for name in self._soft.get(name_of(path), ()):
            if name.replace("-", "_") in self.paths:  # "pre:" and "post:" are no modules
                yield self.paths[name.replace("-", "_")]

    def _companions(self, name: str) -> tuple[str, ...]:
        return USB_HOST if USB.match(self.paths[name]) else COMPANIONS.get(name, ())

    def _lines(self, name: str) -> list[str]:
        file = self.directory / name
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if line and not line.startswith("#")]


def name_of(path: str) -> str:
    """The name of the module in the file at `path`."""
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def unpacked(path: str) -> str:
    """The path of a module's file without the ending for compression."""
    return path.partition(".ko")[0] + ".ko"


def firmware_of(content: bytes) -> list[str]:
    """The names of the firmware files that a module may ask for, from its content (modinfo(8), firmware)."""
    return sorted({name.decode() for name in re.findall(rb"\0firmware=([^\0]+)", content)})
