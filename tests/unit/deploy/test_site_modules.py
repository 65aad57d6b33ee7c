"""The code in the Debian package nfsroot-site: an NFS server has few of the packages that a builder has."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from modules import PROJECT, site_files, site_modules
from vendored import PACKAGES, VendoredError, copy_packages, needed_files

from builder.cli.site import VERBS
from builder.code import PROGRAM

DEBIAN = {"ClusterShell", "click", "cryptography", "jinja2", "markupsafe", "rich", "urllib3"}
"""What the package depends on by deploy/debian/control; markupsafe comes with jinja2."""
BUCKETS = "builder.store.storage.s3"
"""How the modules of stores in buckets begin, which alone import obstore, when somebody opens such a store."""


def imported(module: str) -> Iterator[str]:
    """The packages that a module imports somewhere, and that belong neither to Python nor to nfsroot."""
    for node in ast.walk(ast.parse(PROGRAM.module(module).file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
        tops = {name.partition(".")[0] for name in names}
        yield from tops - sys.stdlib_module_names - {"builder"}


def test_no_package_is_needed_that_an_nfs_server_lacks() -> None:
    """Modules of nfsroot-site import packages of Debian 12 and those that travel along, and no others.

    A package that is missing here has to be added to deploy/debian/control, or to deploy/deb/vendored.py, or, which is
    best, the module that imports it has no place in nfsroot-site.
    """
    foreign = {(name, module) for module in site_modules() for name in imported(module)}
    assert {each for each in foreign if each[0] not in DEBIAN | set(PACKAGES) | {"obstore"}} == set()
    assert {module for name, module in foreign if name == "obstore" and not module.startswith(BUCKETS)} == set()


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_need_no_buckets(verb: str) -> None:
    """Importing a verb imports neither obstore nor anything else that an NFS server lacks."""
    lacking = ("obstore", "pydantic", "debian", "backports.zstd", "diskimage_builder")
    program = f"import sys, builder.cli.site.{verb}\nprint(sorted(set(sys.modules) & set({lacking!r})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_files_are_those_of_the_modules_and_their_templates() -> None:
    """The package holds the text of each module, the packages around it, and what these fill."""
    files = site_files()
    assert Path("builder/cli/site/__init__.py") in files
    assert Path("builder/__init__.py") in files
    assert {file.suffix for file in files} <= {".py", ".j2"}
    assert all((PROJECT / file).is_file() for file in files)


def test_packages_travel_along_as_pip_installed_them(tmp_path: Path) -> None:
    """Python's text of each package is copied without its tests, and patched so that it works on Debian 12."""
    copy_packages(tmp_path, PROJECT / "deploy/debian/patches")
    assert {path.name for path in tmp_path.iterdir()} == set(PACKAGES)
    copied = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.suffix for path in copied} == {".py", ".typed"}
    assert not [path for path in copied if "test" in str(path)]
    proxy = (tmp_path / "tuf/ngclient/_internal/proxy.py").read_text()
    assert "import PoolManager, ProxyManager" in proxy, "urllib3 1.26 has no BaseHTTPResponse"


def test_changed_package_does_not_travel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not as in the wheel is refused."""
    file = next(file for file in needed_files("tuf") if file.name == "metadata.py")
    monkeypatch.setattr(type(file), "read_binary", lambda _: b"changed")
    with pytest.raises(VendoredError, match="not as pip has installed it"):
        copy_packages(tmp_path, tmp_path / "patches")
