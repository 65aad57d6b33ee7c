"""What the archive's index says of packages that conflict, beside apt."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Project

from builder.cache import Cache
from builder.debian import archive as archives
from builder.debian import relations
from builder.debian.archive import Archive
from builder.debian.choice import PackageChoice
from builder.errors import RecipeError
from builder.recipe.load import load
from builder.recipe.models import Recipe
from builder.recipe.search import SearchPath

pytestmark = [pytest.mark.container, pytest.mark.full]

SEED, REQUESTS = 20261128, 8
DEBIAN = ("?or(?essential,?priority(required))", "apt")
APT = """\
APT::Architecture "amd64"; APT::Architectures "amd64"; APT::Install-Recommends "false"; Debug::NoLocking "true";
Dir::State "{room}"; Dir::State::Lists "{room}/lists"; Dir::State::Status "{room}/status"; Dir::Cache "{room}";
Dir::Etc "{room}/etc/apt"; Dir::Etc::Parts "/dev/null"; APT::Get::AllowUnauthenticated "true";
"""


@pytest.fixture
def debian() -> Recipe:
    """The recipe that others extend."""
    return load("debian-nfsroot", SearchPath.default(Path(__file__).parents[2]))


@pytest.fixture
def archive(tiny: Project, cache: Cache, debian: Recipe) -> Archive:
    """The state of the archive that other tests' releases are made of."""
    assert tiny.release
    found = archives.Snapshots(cache, debian.debian).find()
    assert found, "the release `tiny` was made of it"
    return found


@pytest.fixture
def apt(archive: Archive, tmp_path: Path) -> Callable[[tuple[str, ...]], bool]:
    """Whether apt, with the whole lists and nothing installed, finds a way to install packages."""
    room = tmp_path / "apt"
    shutil.copytree(archive.lists, room / "lists", ignore=shutil.ignore_patterns("partial", "lock", "auxfiles"))
    for directory in ("lists/partial", "archives/partial"):
        (room / directory).mkdir(parents=True)
    (room / "status").touch()
    (room / "apt.conf").write_text(APT.format(room=room))
    subprocess.run(["tar", "-xf", archive.path / archives.SKELETON, "-C", room, "./etc/apt"], check=True)

    def installs(packages: tuple[str, ...]) -> bool:
        argv = ["apt-get", "--quiet=2", "--simulate", "install", *DEBIAN, *packages]
        environment = {**os.environ, "APT_CONFIG": str(room / "apt.conf")}
        return subprocess.run(argv, env=environment, capture_output=True).returncode == 0

    return installs


def find_conflicting(archive: Archive, recipe: Recipe) -> list[str]:
    """The packages that conflict with a name which one of the recipe's packages has or provides."""
    with archive.candidates() as candidates:
        named = (candidates.package(name) for name in recipe.packages)
        provided = {name for package in named if package for name in package.provides}
    texts = (path.read_text() for path in sorted(archive.lists.glob("*_Packages")))
    packages = [relations.read(text) for whole in texts for text in whole.split("\n\n") if text.startswith("Package: ")]
    return sorted({each.name for each in packages if any(relation.name in provided for relation in each.against)})


def test_packages_that_conflict_are_those_of_which_apt_says_so(
    archive: Archive, debian: Recipe, apt: Callable[[tuple[str, ...]], bool]
) -> None:
    """Of packages drawn by chance, among those that conflict with names of a recipe's, apt refuses the same.

    Where a default package gives way, apt installs what remains.
    """
    drawn = random.Random(SEED).sample(find_conflicting(archive, debian), REQUESTS)
    for package in (*drawn, "chrony", "dracut"):
        wanted = debian.debian.model_copy(update={"packages": (*debian.debian.packages, package)})
        recipe = debian.model_copy(update={"debian": wanted})
        try:
            packages = PackageChoice(recipe, archive).decide().apply(recipe).packages
        except RecipeError:
            assert not apt(recipe.packages), f"apt installs {package}"
        else:
            assert apt(packages), f"apt refuses {package}"
