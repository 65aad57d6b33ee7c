"""The wheel works outside the checkout: elements and recipes travel with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.container

CHECKOUT = Path(__file__).parents[2]
PARTS = ("builder", "elements", "recipes", "hatch_build.py", "pyproject.toml", "README.md", "LICENSE")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
WHEEL = (*PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index")
OWN = ("recipes/site.toml", "recipes/clusters/site.toml", "elements/site/install.d/key", "builder/site.py", "notes")
"""Files of a user's, such as recipes with ssh keys, in a checkout of this project."""


def copy_of_checkout(directory: Path) -> Path:
    """A directory that holds what a wheel is made from, without git."""
    directory.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (CHECKOUT / part).is_dir() else shutil.copy
        copy(CHECKOUT / part, directory / part)
    return directory


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which a user has put files of their own."""
    directory = copy_of_checkout(tmp_path_factory.mktemp("checkout") / "source")
    subprocess.run(["git", "init", "--quiet"], cwd=directory, check=True)
    subprocess.run(["git", "add", "."], cwd=directory, check=True)
    for name in OWN:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text("word 7f3a\n")
    return directory


def made_in(directory: Path, pattern: str) -> Path:
    """The one file of that kind there."""
    (file,) = directory.glob(pattern)
    return file


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    """The wheel of that checkout."""
    subprocess.run([*WHEEL, f"--wheel-dir={source.parent}", source], check=True)
    return made_in(source.parent, "*.whl")


@pytest.fixture(scope="module")
def nfsroot(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `nfsroot` of a wheel that was installed into an environment of its own.

    What it depends on comes from this environment, so that no package index is asked.
    """
    directory = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory / "venv"], check=True)
    (packages,) = (directory / "venv/lib").glob("python*/site-packages")
    subprocess.run([*PIP, "install", "--no-deps", "--no-index", f"--target={packages}", wheel], check=True)
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    (directory / "nfsroot").write_text(f"#!{directory}/venv/bin/python\nfrom builder.cli.main import main\nmain()\n")
    (directory / "nfsroot").chmod(0o755)
    return directory / "nfsroot"


def environment() -> dict[str, str]:
    """This environment without what would lead Python or a build elsewhere."""
    foreign = ("PYTHONPATH", "SOURCE_DATE_EPOCH", "VERSION")
    return {name: value for name, value in os.environ.items() if name not in foreign}


def run(nfsroot: Path, directory: Path, *arguments: str) -> str:
    """What the installed command writes when it is run in `directory`."""
    done = subprocess.run([nfsroot, *arguments], cwd=directory, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def contents(wheel: Path) -> dict[str, bytes]:
    """Each file of a wheel but its record of them."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}


def test_only_tracked_files_travel(source: Path, wheel: Path) -> None:
    """A wheel holds every file that git tracks of what runs, and nothing of what its maker has put beside them."""
    listed = subprocess.run(["git", "ls-files"], cwd=source, capture_output=True, text=True, check=True).stdout.split()
    runs = {file for file in listed if file.startswith("builder/")}
    runs |= {f"builder/{file}" for file in listed if file.startswith(("elements/", "recipes/"))}
    held = contents(wheel)
    assert {name for name in held if ".dist-info/" not in name} == runs
    assert not any(b"word 7f" + b"3a" in content for content in held.values())


def test_source_distribution_gives_the_same_wheel(source: Path, wheel: Path, tmp_path: Path) -> None:
    """A source distribution holds what git tracks and the list of it, from which the same wheel is made.

    What somebody puts into the unpacked distribution stays out of the wheel, too.
    """
    hatchling = [sys.executable, "-m", "hatchling", "build", "--target=sdist", f"--directory={tmp_path}"]
    subprocess.run(hatchling, cwd=source, check=True)
    with tarfile.open(made_in(tmp_path, "*.tar.gz")) as archive:
        assert not {name for name in archive.getnames() if name.endswith(OWN)}
        archive.extractall(tmp_path, filter="data")
    unpacked = made_in(tmp_path, "nfsroot-*/")
    for name in OWN:
        (unpacked / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / name).write_text("word 7f3a\n")
    subprocess.run([*WHEEL, f"--wheel-dir={tmp_path}", unpacked], check=True)
    assert contents(made_in(tmp_path, "*.whl")) == contents(wheel)


def test_copy_without_git_makes_no_wheel(tmp_path: Path) -> None:
    """Where nobody can tell nfsroot's files from others, a wheel is refused with the ways out."""
    copied = copy_of_checkout(tmp_path / "copy")
    done = subprocess.run([*WHEEL, f"--wheel-dir={tmp_path}", copied], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "neither a git checkout nor an unpacked source distribution" in done.stdout + done.stderr
    assert list(tmp_path.glob("*.whl")) == []


def test_recipes_and_elements_travel_with_it(nfsroot: Path, tmp_path: Path) -> None:
    """In an empty directory the shipped recipes are there and load with their elements, cluster and templates."""
    assert "recipe   kerrighed" in run(nfsroot, tmp_path, "list")
    resolved = json.loads(run(nfsroot, tmp_path, "check", "kerrighed", "--json"))
    assert {"debian-root", "nfsroot", "initramfs-nfs", "nfsbooted", "kerrighed"} <= {
        element["name"] for element in resolved["elements"]
    }


def test_it_is_the_wheel_that_runs(nfsroot: Path, tmp_path: Path) -> None:
    """The modules come from the installed wheel and not from the checkout."""
    script = "import builder; print(builder.__file__)"
    argv = [nfsroot.parent / "venv/bin/python", "-c", script]
    shown = subprocess.run(argv, cwd=tmp_path, env=environment(), check=True, capture_output=True, text=True)
    assert Path(shown.stdout.strip()).is_relative_to(nfsroot.parent)


def test_its_plan_is_the_checkouts(nfsroot: Path, kerrighed: Path, cache_directory: Path, tmp_path: Path) -> None:
    """The installed tool plans the same keys as the checkout, so that both give the same release."""
    plan = json.loads(run(nfsroot, tmp_path, "plan", "kerrighed", "--json", f"--cache-dir={cache_directory}"))
    manifest = json.loads((kerrighed / "manifest.json").read_text())
    assert {step["name"]: step["key"] for step in plan["steps"]} == manifest["steps"]
    assert all(step["reuse"] for step in plan["steps"] if step["name"] in ("tree", "initramfs", "pxegrub"))


def test_it_builds(nfsroot: Path, kerrighed: Path, cache_directory: Path, tmp_path: Path) -> None:
    """In an empty directory, `nfsroot build kerrighed` gives the checkout's release."""
    run(nfsroot, tmp_path, "build", "kerrighed", f"--cache-dir={cache_directory}")
    (made,) = (tmp_path / "output").glob("kerrighed/*")
    assert (made / "SHA256SUMS").read_text() == (kerrighed / "SHA256SUMS").read_text()
