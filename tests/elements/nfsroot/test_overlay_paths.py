"""What a hook writes to a path that is the overlay's is said, with the element that names it."""

from __future__ import annotations

import os
import subprocess
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest
from nfsroot_element import ELEMENT

OWNED = ("etc/fstab", "etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/shadow")


@pytest.fixture
def program(tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program, in a job in which packages left a file or two, and disk-image-create the machine's resolver."""
    loader = SourceFileLoader("overlay_paths", str(ELEMENT / "overlay-paths"))
    spec = spec_from_loader("overlay_paths", loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    hook = tmp_path / "elements/mine/install.d/50-mine"
    hook.parent.mkdir(parents=True)
    hook.write_text("echo 192.0.2.7 printer >> /etc/hosts\n")
    (tmp_path / "owned").write_text("".join(f"{path}\n" for path in OWNED))
    places = {"ELEMENTS": "elements", "OWNED": "owned", "CAUTIONS": "cautions", "BEFORE": "before"}
    for name, place in places.items():
        monkeypatch.setattr(module, name, tmp_path / place)
    for name in ("fstab", "shadow", "resolv.conf"):
        (tree / "etc" / name).write_text(f"a package's {name}\n")
    copy_with_hook(tmp_path, tree)
    (tree / "etc/resolv.conf").rename(tree / "etc/resolv.conf.ORIG")
    machine = Path("/etc/resolv.conf")
    (tree / "etc/resolv.conf").write_text(machine.read_text() if machine.exists() else "nameserver 192.0.2.1\n")
    return module


def copy_with_hook(job: Path, tree: Path) -> None:
    """Have the hook copy what packages left, with the directories of a job below the test's own."""
    hook = (ELEMENT / "root.d/95-overlay-paths").read_text()
    script = hook.replace("/scratch/overlay-paths", str(job / "before")).replace(
        "/input/owned-paths", str(job / "owned")
    )
    subprocess.run(["bash", "-c", script], env={**os.environ, "TARGET_ROOT": str(tree)}, check=True)


def cautions(tmp_path: Path, tree: Path, program: ModuleType) -> list[str]:
    """What the user is told of the tree."""
    program.main(tree)
    return (tmp_path / "cautions").read_text().splitlines()


def test_untouched(tmp_path: Path, tree: Path, program: ModuleType) -> None:
    """What packages left is nobody's loss, and /etc/shadow is the tree's own."""
    (tree / "etc/shadow").write_text("one account more\n")
    assert cautions(tmp_path, tree, program) == []


def test_hook_that_names_the_path(tmp_path: Path, tree: Path, program: ModuleType) -> None:
    """The element and the script that name the path are in the message."""
    (tree / "etc/hosts").write_text("192.0.2.7 printer\n")
    (said,) = cautions(tmp_path, tree, program)
    assert "element mine (install.d/50-mine) wrote to /etc/hosts is not in the release" in said


@pytest.mark.parametrize("path", ["etc/fstab", "etc/hostname", "etc/resolv.conf", "etc/resolv.conf.ORIG"])
def test_each_path(tmp_path: Path, tree: Path, program: ModuleType, path: str) -> None:
    """A change of any of the paths is seen, of the resolver's under both of its names, be it a link or a file."""
    (tree / path).unlink(missing_ok=True)
    (tree / path).symlink_to("/run/elsewhere")
    (said,) = cautions(tmp_path, tree, program)
    assert f"a hook wrote to /{path.removesuffix('.ORIG')} is not in the release" in said
