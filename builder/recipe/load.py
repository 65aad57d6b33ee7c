"""The loading of a recipe by its name, with all of its mistakes reported at once."""

from __future__ import annotations

import os
from ipaddress import IPv4Address
from pathlib import Path

from builder.errors import InputError, Problem, RecipeError
from builder.recipe.choices import Variant
from builder.recipe.cluster import resolve
from builder.recipe.document import Document, read
from builder.recipe.element_models import Element
from builder.recipe.elements import load_elements
from builder.recipe.inheritance import Ancestry
from builder.recipe.input_models import ImageInput, LogsInput, RecipeInput, RootInput
from builder.recipe.macs import macs_files
from builder.recipe.messages import suggest
from builder.recipe.models import Boot, Cluster, Debian, Image, Initramfs, Kernel, Logs, Recipe, Root
from builder.recipe.node_ids import node_id_problems
from builder.recipe.patterns import RELEASE_NAME
from builder.recipe.place import Place
from builder.recipe.removals import PACKAGES, removal_problems, take_removals
from builder.recipe.rules import recipe_problems, secret_problems
from builder.recipe.search import SearchPath, is_path
from builder.recipe.suites import default_kernel, suite_problems
from builder.recipe.validation import validate
from builder.recipe.variables import resolve_environment, resolve_variables

STATE = "state"
"""The default name of the directory with state, beside the releases; no release may have this version."""
NFSROOT = "/NFSROOT"
"""The default directory of releases on the NFS server.

Each recipe has a directory of its own in it, so that versions of two recipes never meet.
"""


def load(name_or_path: str, search: SearchPath) -> Recipe:
    """The resolved recipe that is called `name_or_path`, or that stands in the .toml file of this path.

    :raises InputError: no recipe has this name or path.
    :raises RecipeError: the recipe's files have mistakes; the error lists all of them.
    """
    return _Loading(search).recipe(_find(name_or_path, search))


def _environment() -> dict[str, str]:
    """The environment of this process, decoded as UTF-8 whatever the locale's encoding is."""
    return {name: os.fsencode(value).decode(errors="replace") for name, value in os.environ.items()}


def _find(name_or_path: str, search: SearchPath) -> Path:
    if is_path(name_or_path):
        if not Path(name_or_path).is_file():
            raise InputError(f"there is no recipe file {name_or_path}", resolution="check its path")
        return Path(name_or_path)
    file = search.recipe(name_or_path)
    if file is None:
        fix = suggest(name_or_path, search.recipe_names(), "recipes")
        raise InputError(f"there is no recipe {name_or_path!r}", resolution=fix)
    return file


class _Loading:
    """A load under way: the files read and the mistakes found so far."""

    def __init__(self, search: SearchPath) -> None:
        self.search = search
        self.files: list[Path] = []
        self.problems: list[Problem] = []

    def recipe(self, file: Path) -> Recipe:
        ancestry = Ancestry(self.search)
        document = ancestry.read(file)
        self.files, self.problems = ancestry.files, ancestry.problems
        if document is None:
            raise RecipeError(tuple(self.problems))
        removals, document = take_removals(document)
        written, _, _ = validate(document.without({("cluster",)}), RecipeInput)  # its mistakes are known by now
        self.problems += [*suite_problems(written, document), *recipe_problems(written, document)]
        cluster = self.cluster(document)
        if cluster:
            self.problems += node_id_problems(written, document, cluster)
        image = self.image(written.image, document)
        directories = self.element_directories(written, document)
        elements = self.elements(written, document, directories)
        self.problems += secret_problems(written, document, elements)
        self.problems += removal_problems(removals, written.debian.packages, elements)
        variables, problems = resolve_variables(document, elements)
        environment, missing = resolve_environment(document, _environment())
        self.problems += [*problems, *missing]
        if self.problems or cluster is None or image is None:
            raise RecipeError(tuple(self.problems))
        kernel = default_kernel(written)
        return Recipe(
            files=tuple(self.files),
            image=image,
            debian=written.debian,
            kernel=kernel,
            initramfs=written.initramfs,
            root=_with_places(written.root, image),
            boot=_with_uefi(written.boot),
            login=written.login,
            logs=_with_log_server(written.logs, cluster),
            ports=written.ports,
            kerrighed=written.kerrighed,
            elements=elements,
            element_directories=tuple(directories),
            variables=variables,
            environment=environment,
            cluster=cluster,
            left_out=tuple(sorted(removals)),
            places=_places(kernel, written.debian, document),
            module_places=_module_places(written.initramfs, document),
            notices=tuple(map(str, ancestry.notices)),
        )

    def cluster(self, document: Document) -> Cluster | None:
        """The cluster of the merged `document`, from its table or from the file that it names."""
        written = document.data.get("cluster")
        if isinstance(written, dict):
            table = document.table("cluster")
            self.files += macs_files(table)
            cluster, problems = resolve(table, document.file.stem)
        elif written is not None:
            cluster, problems = self.cluster_file(document, written)
        else:
            fix = 'write cluster = "clusters/NAME.toml", or a table [cluster]'
            missing = [document.problem((), "cluster is missing", fix)]
            cluster, problems = None, [] if document.has_dropped(("cluster",)) else missing
        self.problems += problems
        return cluster

    def cluster_file(self, document: Document, path: str) -> tuple[Cluster | None, list[Problem]]:
        file = self.search.cluster(path, beside=document.at(("cluster",)).file)
        if file is None:
            fix = "write a path relative to this file or to a directory of recipes"
            return None, [document.problem(("cluster",), f"there is no cluster file {path!r}", fix)]
        self.files.append(file)
        read_document = read(file)
        if isinstance(read_document, Problem):
            return None, [read_document]
        self.files += macs_files(read_document)
        return resolve(read_document, file.stem)

    def image(self, written: ImageInput, document: Document) -> Image | None:
        """The table `[image]`; without a name in it, the name is that of the recipe's file."""
        name = written.name
        if name is None:
            if not RELEASE_NAME.matches(document.file.stem):
                what = f"'{document.file.stem}' is no release's name"
                fix = f'write name = "..." in [image] with {RELEASE_NAME.words}'
                self.problems.append(Problem(document.file, 0, 0, what, fix))
                return None
            name = document.file.stem
        return Image(name=name, version=written.version, description=written.description)

    def element_directories(self, written: RecipeInput, document: Document) -> list[Path]:
        """The directories in `[paths]`, each relative to the file that names it."""
        directories = []
        for index, name in enumerate(written.paths.elements):
            path = ("paths", "elements", index)
            directories.append(document.at(path).file.parent / name)
            if not directories[-1].is_dir():
                what = f"there is no directory {directories[-1]}"
                self.problems.append(document.problem(path, what, "write a path relative to this file"))
        return directories

    def elements(self, written: RecipeInput, document: Document, directories: list[Path]) -> tuple[Element, ...]:
        wanted = [(name, document.at(("elements", index))) for index, name in enumerate(written.elements)]
        if not wanted and not document.has_dropped(("elements",)):
            fix = 'write extends = "debian-nfsroot", or elements = [...]'
            self.problems.append(document.problem(("elements",), "no elements to build a tree from", fix))
        elements, problems = load_elements(wanted, self.search.before(directories))
        self.problems += problems
        return elements


def _places(kernel: Kernel, debian: Debian, document: Document) -> dict[str, Place]:
    """The place in the recipe's files where each package is named, by package."""
    places = {name: document.at((*PACKAGES, index)) for index, name in enumerate(debian.packages)}
    return {kernel.package: document.at(("kernel", "package")), **places}


def _module_places(initramfs: Initramfs, document: Document) -> dict[str, Place]:
    """The place where each module is named, by module; if twice, that in `modules` rather than in `nic_drivers`."""
    places: dict[str, Place] = {}
    for key in ("modules", "nic_drivers"):
        for index, entry in enumerate(getattr(initramfs, key)):
            places.setdefault(entry, document.at(("initramfs", key, index)))
    return places


def _with_places(root: RootInput, image: Image) -> Root:
    """The table `[root]`, with defaults for the directories on the server that the recipe does not name."""
    path = root.path or f"{NFSROOT}/{image.name}"
    return Root.model_validate({**dict(root), "path": path, "state": root.state or f"{path}/{STATE}"})


def _with_log_server(logs: LogsInput, cluster: Cluster) -> Logs:
    """The table `[logs]`, with the address of the cluster's own server where it says "cluster"."""
    if logs.server is None:
        return Logs()
    return Logs(server=cluster.server.address if logs.server == "cluster" else IPv4Address(logs.server))


def _with_uefi(boot: Boot) -> Boot:
    """The table `[boot]`, with the best UEFI boot loader among its variants unless the recipe names one."""
    if "uefi" in boot.model_fields_set:
        return boot
    best = [variant for variant in (Variant.SECURE_BOOT, Variant.X86_64_EFI) if variant in boot.variants]
    return boot.model_copy(update={"uefi": best[0]}) if best else boot
