"""The network boot loaders: a variant of GRUB with network support per firmware, and a signed chain for Secure Boot."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path, PurePosixPath

from builder.container.engine import Job
from builder.context import BuildContext, CachedStep
from builder.parallel import crew
from builder.plan.model import Inputs
from builder.plan.step import ENGINES, Known, Making
from builder.recipe.choices import Variant
from builder.recipe.models import Recipe

MODULES = (
    "configfile",
    "echo",
    "gzio",
    "halt",
    "http",
    "legacycfg",
    "linux",
    "net",
    "normal",
    "reboot",
    "regexp",
    "serial",
    "sleep",
    "terminal",
    "test",
    "tftp",
)
"""The GRUB modules in every variant that we link.  `legacycfg` reads the menus of GRUB legacy."""

LINKED = {
    Variant.I386_PC: ("i386-pc-pxe", ("linux16", "pxe")),
    Variant.X86_64_EFI: ("x86_64-efi", ("efinet",)),
}
"""The variants that we link, each with grub-mkimage's format and further modules."""

EARLY = """\
net_get_dhcp_option menu $net_default_interface 150 string
normal $prefix/grub.cfg
"""
"""The script inside each linked GRUB.  GRUB's rescue parser reads it, which knows no `if`.

DHCP option 150 names the menu; grub.cfg decides what to do.  GRUB has set $prefix and $root to the server and the
protocol (TFTP or HTTP) from which it was loaded itself, and $net_default_interface to the NIC.
"""

SIGNED = {
    "shimx64.efi": "/usr/lib/shim/shimx64.efi.signed",
    "grubx64.efi": "/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed",
    "mmx64.efi": "/usr/lib/shim/mmx64.efi.signed",
}
"""The files of the Secure Boot chain, by the names under which each looks for the next (shim loads grubx64.efi)."""

SERVED = {
    Variant.I386_PC: {"pxegrub": "pxegrub.i386-pc"},
    Variant.X86_64_EFI: {"pxegrub.efi": "pxegrub.x86_64-efi"},
    Variant.SECURE_BOOT: {name: f"secure-boot/{name}" for name in SIGNED},
}
"""The boot loader files of each variant: names on the TFTP server, each with the file in the step's object."""


class Pxegrub(CachedStep):
    """The step that makes `pxegrub.VARIANT` and `secure-boot/`."""

    name = "pxegrub"
    making = Making((__name__, ENGINES))
    works_on_tree = False

    def inputs(self, recipe: Recipe, known: Known) -> Inputs:
        """The variants, and the builder image, whose GRUB they are."""
        return {"image": known.image, "variants": list(recipe.boot.variants)}

    def make(self, context: BuildContext, directory: Path) -> None:
        """Make all variants at once.

        :raises CommandError: grub-mkimage failed.
        """
        early = directory / "early.cfg"
        early.write_text(EARLY, encoding="utf-8")

        def run(variant: Variant) -> None:
            if variant is Variant.SECURE_BOOT:
                _copy_signed(context, directory)
            else:
                context.engine.run(context.image, _link(directory, variant, early), context.on_line)

        with crew(os.cpu_count() or 1) as makers:
            for made in [makers.begin(partial(run, variant)) for variant in context.recipe.boot.variants]:
                made()
        early.unlink()


PXEGRUB = Pxegrub()


def _link(directory: Path, variant: Variant, early: Path) -> Job:
    form, modules = LINKED[variant]
    argv = ["grub-mkimage", f"--format={form}", "--prefix=/grub", "--config=/input/early.cfg"]
    argv += [f"--output=/output/pxegrub.{variant}", *MODULES, *modules]
    return Job(tuple(argv), output=directory, inputs={"/input/early.cfg": early})


def _copy_signed(context: BuildContext, directory: Path) -> None:
    """Copy the signed files by one job, and give them the names in `SIGNED`."""
    target = "secure-boot"
    argv = ("install", "-D", "--mode=644", f"--target-directory=/output/{target}", *SIGNED.values())
    context.engine.run(context.image, Job(argv, output=directory), context.on_line)
    for name, source in SIGNED.items():
        (directory / target / PurePosixPath(source).name).rename(directory / target / name)
