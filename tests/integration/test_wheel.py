"""The wheel works outside the checkout: elements and recipes travel with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.container

CHECKOUT = Path(__file__).parents[2]
PARTS = ("builder", "elements", "recipes", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def nfsroot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `nfsroot` of a wheel that was installed into an environment of its own.

    What it depends on comes from this environment, so that no package index is asked.
    """
    directory = tmp_path_factory.mktemp("wheel")
    source = directory / "source"
    source.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (CHECKOUT / part).is_dir() else shutil.copy
        copy(CHECKOUT / part, source / part)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", f"--wheel-dir={directory}", source]
    subprocess.run(wheel, check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory / "venv"], check=True)
    (packages,) = (directory / "venv/lib").glob("python*/site-packages")
    (file,) = directory.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--no-index", f"--target={packages}", file], check=True)
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
