"""What the tests of the element nfsroot share: its modules, and trees with packages that ship next to nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from nfsroot_element import PEM


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree in which package `base-files` ships /etc, /etc/shipped.pem and /usr/lib, the latter by its old name."""
    made = tmp_path / "tree"
    for directory in ("etc", "usr/lib", "var/lib/dpkg/info"):
        (made / directory).mkdir(parents=True)
    (made / "lib").symlink_to("usr/lib")
    (made / "etc/shipped.pem").write_text(PEM)
    (made / "usr/lib/library").write_text(PEM)
    (made / "var/lib/dpkg/info/base-files.list").write_text("/.\n/etc\n/etc/shipped.pem\n/lib\n/lib/library\n")
    return made


@pytest.fixture
def install(tree: Path) -> Callable[..., None]:
    """Installs a package with directories, and files that its scripts make."""

    def installed(package: str, directories: list[str], made: dict[str, bytes]) -> None:
        (tree / f"var/lib/dpkg/info/{package}.list").write_text("".join(f"/{name}\n" for name in directories))
        for path, content in made.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(content)

    return installed
