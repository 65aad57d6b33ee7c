"""Elements of diskimage-builder, its own and one in its style, in trees that are built for real."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tarball import root_tarball

from builder.release.manifest import Manifest

pytestmark = pytest.mark.container

RECIPE = """\
extends = "debian-nfsroot"
elements = [
  "devuser", "dynamic-login", "element-manifest", "enable-serial-console", "ensure-venv", "journal-to-console",
  "manifests", "modprobe", "package-installs", "pip-and-virtualenv", "runtime-ssh-host-keys", "sysctl", "site",
]
environment = ["SITE_COLOUR"]

[paths]
elements = ["elements"]

[variables.devuser]
DIB_DEV_USER_USERNAME = "ann"
DIB_DEV_USER_PWDLESS_SUDO = "yes"

[variables.modprobe]
DIB_MODPROBE_BLACKLIST = "nouveau pcspkr"

[variables.site]
SITE_GREETS = "yes"
"""

PACKAGES = """\
lister:
hello:
  when: SITE_GREETS = yes
cowsay:
  when: SITE_GREETS = no
calculator:
  build-only: true
nothing:
syslinux:
  arch: i386
"""
MAP = """\
{"family": {"debian": {"lister": "tree", "calculator": "bc", "nothing": "", "clock": "time"}},
 "default": {"lister": "list-files", "clock": "clock"}}
"""
HOOK = """\
#!/bin/bash
set -euo pipefail
echo "{phase} $SITE_GREETS $SITE_COLOUR $SITE_HAS_ENVIRONMENT $DISTRO_NAME $DIB_INIT_SYSTEM" >> "{root}/etc/phases"
{more}
"""
PHASES = {
    "root.d": ("$TARGET_ROOT", ""),
    "extra-data.d": ("$TMP_MOUNT_PATH", "echo data > $TMP_HOOKS_PATH/site-data"),
    "pre-install.d": ("", "command -v tree bc hello"),
    "install.d": (
        "",
        "cp /tmp/in_target.d/site-data /etc/site-data\n"
        "apt-get update\n"
        "install-packages -m site clock lister\n"
        "apt-get --yes install sl\n"
        "[ $(pkg-map --element site lister nothing) = tree ]",
    ),
    "post-install.d": ("", ""),
    "post-root.d": ("$TMP_MOUNT_PATH", ""),
    "finalise.d": ("", ""),
    "cleanup.d": ("$TARGET_ROOT", ""),
}
"""diskimage-builder's phases in their order: where a hook sees the tree, and what else the element does in it."""


def write_element(directory: Path) -> None:
    """Write an element as diskimage-builder's manual describes one, without an element.toml."""
    files = {
        "README.rst": "====\nsite\n====\n",
        "element-deps": "dib-init-system\ninstall-static\npackage-installs\npkg-map\n",
        "package-installs.yaml": PACKAGES,
        "pkg-map": MAP,
        "environment.d/10-site.bash": "export SITE_GREETS=${SITE_GREETS:-no}\nexport SITE_HAS_ENVIRONMENT=indeed\n",
        "static/etc/site-static": "static\n",
        "init-scripts/systemd/site.service": "[Service]\nExecStart=/bin/true\n",
        **{
            f"{phase}/60-site": HOOK.format(phase=phase, root=root, more=more) for phase, (root, more) in PHASES.items()
        },
    }
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        path.chmod(0o755 if path.name == "60-site" else 0o644)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe of twelve stock elements and one of its own, in a directory beside it."""
    directory = tmp_path_factory.mktemp("stock")
    write_element(directory / "elements/site")
    (directory / "stock.toml").write_text(RECIPE, "utf-8")
    return directory / "stock.toml"


@pytest.fixture(scope="module")
def release(recipe: Path, build_release: Callable[[str], Path]) -> Path:
    """The recipe's release, built with a variable of the environment that the recipe names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SITE_COLOUR", "green")
        return build_release(str(recipe))


@pytest.fixture(scope="module")
def root(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What of the release's tree the tests look at."""
    directory = tmp_path_factory.mktemp("root")
    command = ["tar", "--extract", "--zstd", f"--file={root_tarball(release)}", f"--directory={directory}"]
    subprocess.run([*command, "--wildcards", "etc/*", "usr/local/*", "usr/lib/systemd/system/*"], check=True)
    return directory


def packages(release: Path) -> set[str]:
    """Names of the packages in a release's tree."""
    with (release / "packages.tsv").open(encoding="utf-8") as table:
        return {row[0] for row in csv.reader(table, delimiter="\t")}


def test_every_phase_runs_in_order_with_the_environment(root: Path) -> None:
    """Each phase runs once, in diskimage-builder's order, and sees the element's, the recipe's and our variables."""
    assert (root / "etc/phases").read_text("utf-8").splitlines() == [
        f"{phase} yes green indeed debian systemd" for phase in PHASES
    ]


def test_packages_are_those_that_the_element_declares(release: Path) -> None:
    """package-installs.yaml and pkg-map count with their conditions; a package for hooks alone is gone in the end."""
    installed = packages(release)
    assert {"tree", "hello", "time", "sl", "sudo", "rsync", "python3-venv"} <= installed
    assert installed.isdisjoint({"bc", "cowsay", "syslinux", "list-files"})


def test_files_of_the_elements_are_there(root: Path) -> None:
    """static/, init-scripts/ and extra-data.d put their files where diskimage-builder's manual says."""
    assert (root / "etc/site-static").read_text("utf-8") == "static\n"
    assert (root / "etc/site-data").read_text("utf-8") == "data\n"
    assert (root / "usr/lib/systemd/system/site.service").is_file()


def test_stock_elements_did_their_work(root: Path) -> None:
    """Each of diskimage-builder's own elements has left what it is for."""
    passwd = (root / "etc/passwd").read_text("utf-8")
    assert "\nann:x:1000:1000:" in passwd
    assert (root / "etc/sudoers.d/ann").read_text("utf-8") == "ann ALL=(ALL) NOPASSWD:ALL\n"
    assert (root / "etc/modprobe.d/blacklist.conf").read_text("utf-8") == "blacklist nouveau\nblacklist pcspkr\n"
    assert "ForwardToConsole=true" in (root / "etc/systemd/journald.conf.d/log-to-console.conf").read_text("utf-8")
    assert (root / "etc/udev/rules.d/99-serial-console.rules").is_file()
    assert (root / "etc/systemd/system/multi-user.target.wants/dynamic-login.service").is_symlink()
    elements = (root / "etc/dib-manifests/dib-element-manifest").read_text("utf-8").split()
    assert {"devuser", "site", "debian-root"} <= set(elements)


def test_nothing_of_the_build_stays(root: Path) -> None:
    """Commands for hooks and our own way with packages leave nothing in the tree."""
    assert list((root / "usr/local/sbin").iterdir()) == []
    assert not (root / "usr/sbin/policy-rc.d").exists()


def test_manifest_tells_of_variables_and_environment(release: Path) -> None:
    """The manifest names the variables and what the recipe took along."""
    recipe = Manifest.read(release).recipe
    assert recipe["environment"] == {"SITE_COLOUR": "green"}
    assert recipe["variables"]["site"] == {"SITE_GREETS": "yes"}


DATA_SOURCES = '[variables.cloud-init-datasources]\nDIB_CLOUD_INIT_DATASOURCES = "NoCloud"\n'
VALUES = {
    "cloud-init-datasources": DATA_SOURCES,
    "cloud-init-nocloud": DATA_SOURCES,
    "modprobe-blacklist": '[variables.modprobe-blacklist]\nDIB_MODPROBE_BLACKLIST = "nouveau"\n',
}
"""The variables without which an element, or one that it depends on, does not go."""
BESIDE = {"cloud-init-disable-resizefs": "cloud-init", "install-bin": "sysctl"}
"""The element whose files another one needs, without depending on it."""


def stock_elements(word: str) -> list[str]:
    """The elements of which docs/reference/stock-elements.md says `word`."""
    table = Path(__file__).parents[2] / "docs/reference/stock-elements.md"
    rows = (line.split(" | ") for line in table.read_text("utf-8").splitlines() if line.startswith("| `"))
    return [row[0].strip("| `") for row in rows if row[1] == word]


@pytest.mark.full
@pytest.mark.parametrize("name", stock_elements("works"))
def test_each_stock_element_builds(name: str, tmp_path: Path, build_release: Callable[[str], Path]) -> None:
    """Each element that the table says works makes a release with just our own elements."""
    recipe = tmp_path / f"stock-{name}.toml"
    elements = f'"{BESIDE[name]}", "{name}"' if name in BESIDE else f'"{name}"'
    recipe.write_text(f'extends = "debian-nfsroot"\nelements = [{elements}]\n{VALUES.get(name, "")}', "utf-8")
    release = build_release(str(recipe))
    assert name in [element["name"] for element in Manifest.read(release).recipe["elements"]]
