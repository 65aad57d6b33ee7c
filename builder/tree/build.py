"""The tree, which diskimage-builder makes in the builder image from a recipe's packages and elements."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.container.engine import Job
from builder.context import BuildContext, CachedStep
from builder.debian import refusals
from builder.errors import NfsrootError
from builder.events import Caution
from builder.plan.model import Inputs
from builder.plan.step import ENGINES, Known, Making
from builder.process import CommandError
from builder.recipe import nics
from builder.recipe.element_models import Element
from builder.recipe.models import Recipe
from builder.tree import base as bases
from builder.tree import elements
from builder.tree.owned_paths import OWNED_PATHS

DPKG_DATA = "dpkg.tar.zst"
CAUTIONS = "cautions"
"""The name of the file to which hooks outside the tree may write cautions for the user, a sentence per line."""


@dataclass(frozen=True)
class Tree:
    """A finished tree, as an object of the cache."""

    path: Path

    @property
    def part(self) -> Path:
        """The zstd-compressed tar archive of the tree without its directories and without end-of-archive blocks."""
        return self.path / "tree.tar.zst"

    @property
    def parts(self) -> Path:
        """The file that lists the frames of `part` in order: SHA-256 and size of each, tab-separated."""
        return self.path / "parts.tsv"

    @property
    def listing(self) -> Path:
        """The list of the tree, compressed by zstd: a line for each path, with its type, owner and content."""
        return self.path / "tree.tsv.zst"

    @property
    def directories(self) -> Path:
        """The tree's directories as a zstd-compressed tar archive: the end of an archive that begins with `part`."""
        return self.path / "directories.tar.zst"

    @property
    def job_inputs(self) -> dict[str, Path]:
        """The inputs of a job that unpacks the tree."""
        return {f"/input/{file.name}": file for file in (self.part, self.directories)}

    @property
    def paths(self) -> Path:
        """The file with every path in the tree, separated by NUL bytes, since names may hold any other byte."""
        return self.path / "paths"

    @property
    def kernel(self) -> Path:
        """The file of the kernel, vmlinuz-KVER.

        :raises NfsrootError: the tree has no kernel, or several.
        """
        kernels = sorted(self.path.glob("vmlinuz-*"))
        if len(kernels) != 1:
            raise NfsrootError(
                f"the tree has {len(kernels)} kernels ({', '.join(path.name for path in kernels)}), not one",
                resolution="Name one kernel package under [kernel] package and no other under [debian] packages.",
            )
        return kernels[0]

    @property
    def kernel_version(self) -> str:
        """The version of the kernel, KVER in vmlinuz-KVER and /lib/modules/KVER."""
        return self.kernel.name.removeprefix("vmlinuz-")

    @property
    def shadow(self) -> str:
        """The text of the tree's /etc/shadow, to which the overlay adds root's password."""
        return (self.path / "shadow").read_text(encoding="utf-8")

    @property
    def modules(self) -> dict[str, str]:
        """The kernel's modules that are files: the path of each below usr/lib/modules/KVER, by name."""
        return _by_name((self.path / "modules.dep").read_text(encoding="utf-8").splitlines())

    @property
    def builtin_modules(self) -> frozenset[str]:
        """The names of the modules that are built into the kernel."""
        return frozenset(_by_name((self.path / "modules.builtin").read_text(encoding="utf-8").splitlines()))

    @property
    def module_aliases(self) -> frozenset[str]:
        """The aliases, such as crc32c, by which modprobe(8) finds modules that are files or built in."""
        return frozenset(
            map(nics.normalize_name, (self.path / "modules.alias").read_text(encoding="utf-8").splitlines())
        )

    @property
    def cautions(self) -> list[str]:
        """The cautions about the tree for the user, a sentence each."""
        file = self.path / CAUTIONS
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    @property
    def packages(self) -> Path:
        """The file packages.tsv, with name, version, architecture and source package of each package."""
        return self.path / "packages.tsv"

    @property
    def dpkg_data(self) -> Path:
        """The file dpkg.tar.zst: dpkg's table of packages, their copyright files, and digests of their .deb files."""
        return self.path / DPKG_DATA


def _by_name(paths: Iterable[str]) -> dict[str, str]:
    return {nics.normalize_name(path.rpartition("/")[2].partition(".ko")[0]): path for path in paths}


class TreeStep(CachedStep):
    """The step that makes the tree, by disk-image-create in the builder image.

    The job also makes the objects of the steps `context.beside`, in directories of their names, while it packs the
    tree.  When that fails, the directory stays empty.
    """

    name = "tree"
    making = Making((__name__, ENGINES))
    checks = name

    def inputs(self, recipe: Recipe, known: Known) -> Inputs:
        """The packages and elements of the recipe, the values that hooks get, and the base, if it has one."""
        return {
            **bases.common_inputs(recipe, known),
            **{name: key for name, key in known.keys.items() if name == bases.BASE.name},
            "packages": list(recipe.packages),
            "elements": {element.name: elements.digest(element) for element in recipe.elements},
            **recipe.model_dump(mode="json", include={"variables", "environment"}),
            "owned_paths": sorted(OWNED_PATHS),
            "secrets": list(recipe.secrets),
        }

    def make(self, context: BuildContext, directory: Path) -> None:
        """Make the tree; the job adds new packages to those downloaded before.

        :raises NfsrootError: a script failed; the error names the element, the phase and the script.
        """
        for step in context.beside:
            (directory / step.name).mkdir()
        files = dict(ChainMap(*(dict(step.configuration(context.recipe)) for step in context.beside)))
        with in_files(directory, files) as conf:
            self._run(context, directory, conf)
        bases.keep_packages(directory, context.cache.packages(context.recipe.debian.suite))

    def _run(self, context: BuildContext, directory: Path, conf: Path) -> None:
        recipe, base = context.recipe, context.objects.get(bases.BASE.name)
        owned = _write_lines(directory / "owned-paths", sorted(OWNED_PATHS))
        secrets = _write_lines(directory / "secrets", recipe.secrets)
        job = Job(
            argv=("disk-image-create", "-n", "-t", "raw", "-o", "/scratch/image", *(e.name for e in recipe.elements)),
            output=directory,
            inputs={
                **context.archive.job_inputs,
                "/input/packages": context.cache.packages(recipe.debian.suite),
                "/input/owned-paths": owned,
                "/input/secrets": secrets,
                **({"/input/base": base} if base else {}),
                "/input/conf": conf,
                **{path: file for step in context.beside for path, file in step.inputs_beside(context).items()},
                **{f"/input/elements/{element.name}": element.path for element in recipe.elements},
            },
            environment=environment(recipe, context.source_date),
            network=True,
            room=context.room,
        )
        failure = Failure(recipe.elements)

        def watch(line: str) -> None:
            failure.watch(line)
            context.on_line(line)

        try:
            context.engine.run(context.image, job, watch)
        except CommandError as error:
            raise refusals.read(directory) or failure.explain(error, recipe) from error
        owned.unlink()
        secrets.unlink()

    def check(self, context: BuildContext) -> None:
        """Emit the cautions that hooks wrote about the tree."""
        for caution in find_tree(context).cautions:
            context.emit(Caution(caution))


TREE = TreeStep()


def find_tree(context: BuildContext) -> Tree:
    """The tree of the build that is under way."""
    return Tree(context.objects[TREE.name])


def _write_lines(file: Path, lines: Iterable[str]) -> Path:
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file


@contextlib.contextmanager
def in_files(directory: Path, configuration: Mapping[str, str]) -> Iterator[Path]:
    """A temporary directory in `directory` with the files of a configuration, for the inputs of a job."""
    conf = directory / "conf"
    conf.mkdir()
    for name, text in configuration.items():
        (conf / name).parent.mkdir(parents=True, exist_ok=True)
        (conf / name).write_text(text, encoding="utf-8")
    yield conf
    shutil.rmtree(conf)


def environment(recipe: Recipe, source_date: int) -> dict[str, str]:
    """The environment of disk-image-create and of every hook, with the variables that the recipe sets."""
    variables = {
        name: str(int(value)) if isinstance(value, bool) else str(value)
        for values in recipe.variables.values()
        for name, value in values.items()
    }
    return {
        "DIB_DEFAULT_INSTALLTYPE": "package",  # what elements build from sources, they download
        **variables,
        **recipe.environment,
        **bases.environment(recipe.debian, source_date),
        "BASH_ENV": f"/input/elements/{bases.ELEMENT}/no-image",
        "ARCH": recipe.debian.architecture,
        "DIB_IMAGE_CACHE": "/scratch/cache",
        "DIB_INIT_SYSTEM": "systemd",
        "DIB_IMAGE_SIZE": "1",  # GiB, never used: it keeps du(1) from measuring the tree
        "DIB_LOCKFILES": "/scratch/locks",
        "DIB_NO_TIMESTAMP": "1",
        "DIB_NO_TMPFS": "1",  # /scratch is one already, where memory allows
        "DIB_PYTHON_EXEC": "python3",
        "DIB_PYTHON_VERSION": "3",
        "DIB_RELEASE": recipe.debian.suite,
        "DISTRO_NAME": "debian",
        "ELEMENTS_PATH": "/input/elements",
        "NFSROOT_PACKAGES": ",".join(recipe.packages),
        "TMP_DIR": "/scratch",
    }


class Failure:
    """A watcher of disk-image-create's output, by which an error can name element, phase and script."""

    def __init__(self, elements: tuple[Element, ...]) -> None:
        self._elements = elements
        self._phase = ""
        self._script = ""

    def watch(self, line: str) -> None:
        """Note the phase and the script that dib-run-parts says it runs."""
        if found := re.search(r"dib-run-parts Running .*/(\S+)\.d/(\S+)$", line):
            self._phase, self._script = found.groups()

    def explain(self, error: CommandError, recipe: Recipe) -> NfsrootError:
        """The error that the user sees."""
        explained = refusals.explain(error, recipe.debian)
        if explained is not error or not self._script:
            return explained
        owner = next(
            (e.name for e in self._elements if (e.path / f"{self._phase}.d" / self._script).exists()), "unknown"
        )
        return NfsrootError(f"element {owner}: {self._phase}.d/{self._script} failed", details=error.details)
