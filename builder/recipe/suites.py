"""The suites and architectures of Debian that recipes may name: those that a test builds and boots."""

from __future__ import annotations

from collections.abc import Iterator

from builder.errors import Problem
from builder.recipe.document import Document
from builder.recipe.input_models import RecipeInput
from builder.recipe.models import Kernel

ARCHITECTURES = {"trixie": ("amd64",), "bookworm": ("amd64", "i386")}
"""The architectures of each suite.  Debian's kernels for i386 end with bookworm."""

KERNELS = {"amd64": "linux-image-amd64", "i386": "linux-image-686-pae"}

_CODE_NAMES = {"stable": "trixie", "oldstable": "bookworm"}


def default_kernel(recipe: RecipeInput) -> Kernel:
    """The table `[kernel]`, with Debian's kernel for the architecture unless the recipe names one."""
    package = recipe.kernel.package or KERNELS[recipe.debian.architecture]
    return Kernel(package=package, arguments=recipe.kernel.arguments)


def suite_problems(recipe: RecipeInput, document: Document) -> Iterator[Problem]:
    """Yield a problem when the recipe's suite or architecture is not supported."""
    suite, architecture = recipe.debian.suite, recipe.debian.architecture
    tested = ", ".join(f"{name} ({', '.join(architectures)})" for name, architectures in ARCHITECTURES.items())
    if suite not in ARCHITECTURES:
        what = f"nfsroot makes no trees of '{suite}'{_reason(suite)}"
        yield document.problem(("debian", "suite"), what, f"write one of {tested}")
    elif architecture not in ARCHITECTURES[suite]:
        what = f"nfsroot makes no trees of {suite} for '{architecture}'{_kernel(architecture, suite)}"
        yield document.problem(("debian", "architecture"), what, f"write one of {tested}")


def _reason(suite: str) -> str:
    if suite in _CODE_NAMES:
        return f": it is {_CODE_NAMES[suite]} now, and will be another suite one day"
    name, hyphen, part = suite.partition("-")
    if hyphen and name in ARCHITECTURES:
        return f": {name} comes with its updates, and {part} cannot be added"
    return ""


def _kernel(architecture: str, suite: str) -> str:
    return f": {suite} has no kernel for it" if architecture in KERNELS else ""
