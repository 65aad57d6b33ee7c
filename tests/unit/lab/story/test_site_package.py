"""The Debian package that a story installs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import builder
from builder.errors import InputError
from builder.lab.story.site_package import find_package, parse_dependencies

CONTROL = """\
Package: nfsroot-site
Version: {version}
Architecture: all
Maintainer: somebody <somebody@example.org>
Depends: bubblewrap, python3-click (>= 8.1), zstd,
 python3:any, one | another
Description: a package
"""


def test_package_is_found(tmp_path: Path) -> None:
    """The package of this version, by the name that `make deb` gives it, says what it needs."""
    (tmp_path / "tree/DEBIAN").mkdir(parents=True)
    (tmp_path / "tree/DEBIAN/control").write_text(CONTROL.format(version=builder.__version__))
    file = tmp_path / f"nfsroot-site_{builder.__version__}_all.deb"
    subprocess.run(["dpkg-deb", "--build", str(tmp_path / "tree"), str(file)], check=True, capture_output=True)
    found = find_package(tmp_path)
    assert found.file == file
    assert found.dependencies == ("bubblewrap", "python3-click", "zstd", "python3", "one")


@pytest.mark.parametrize(("output", "command"), [("output", "make deb"), ("my output", "make deb OUTPUT='my output'")])
def test_package_that_is_not_there(output: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody without a package is told where it was looked for, and the command that makes it there."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        find_package(Path(output))
    assert f"{output}/nfsroot-site_{builder.__version__}_all.deb" in str(caught.value)
    assert str(caught.value).splitlines()[-1].strip() == command


def test_file_that_is_no_package(tmp_path: Path) -> None:
    """A file that dpkg-deb cannot read is told by its name, with what dpkg-deb says."""
    (tmp_path / f"nfsroot-site_{builder.__version__}_all.deb").write_text("nothing")
    with pytest.raises(InputError, match=r"is no Debian package\n.*dpkg-deb"):
        find_package(tmp_path)


def test_dependencies() -> None:
    """Of alternatives the first counts; versions and architectures do not."""
    assert parse_dependencies("a (>= 1), b:any | c, d[amd64]") == ("a", "b", "d")
    assert parse_dependencies("") == ()
