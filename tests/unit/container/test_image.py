"""The builder image: what it is made of is its key, and what it gets is verified."""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest

from builder.cache import Cache
from builder.container import image
from builder.container.engine import Image
from builder.errors import NfsrootError
from builder.keys import key_of


def test_packages_are_sorted_and_distinct() -> None:
    """The list of packages reads as a list: sorted, each once."""
    assert list(image.PACKAGES) == sorted(set(image.PACKAGES))


def test_definition_names_everything() -> None:
    """Suite, packages and the exact diskimage-builder are in the definition, so a change of any makes a new image."""
    definition = image.definition()
    assert definition["suite"] == image.SUITE
    assert definition["packages"] == list(image.PACKAGES)
    assert re.fullmatch("[0-9a-f]{24}", definition["diskimage-builder"])


def test_found_by_its_definition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image in the cache is found under its definition's key, and not any more when the definition changes."""
    cache = Cache(tmp_path)
    assert image.find(cache) is None
    path = cache.produce(
        image.STEP, key_of(image.definition()), {}, lambda directory: (directory / "id").write_text("made") and None
    )
    assert image.find(cache) == Image("made", path / "rootfs")
    monkeypatch.setattr(image, "PACKAGES", (*image.PACKAGES, "vim"))
    assert image.find(cache) is None


def test_code_is_what_the_installer_recorded() -> None:
    """The files of diskimage-builder and their digests are those that importlib.metadata knows, without byproducts."""
    metadata = image._metadata()
    found = distribution("diskimage-builder")
    code = image._code(metadata)
    expected = {str(entry): entry.hash.value if entry.hash else "" for entry in found.files or ()}
    assert metadata.name == f"diskimage_builder-{found.version}.dist-info"
    assert {path: digest for path, (_, digest) in code.items()}.items() <= expected.items()
    assert f"{metadata.name}/METADATA" in code
    assert [path for path in code if "__pycache__" in path] == []
    assert len([path for path in code if path.startswith("diskimage_builder/elements/")]) > 100


def test_missing_diskimage_builder_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where diskimage-builder is not installed, the error says so and how to mend it."""
    monkeypatch.setattr(image, "PACKAGE", "no_such_package_anywhere")
    with pytest.raises(NfsrootError, match="diskimage-builder is not installed") as caught:
        image.definition()
    assert "pip install" in caught.value.resolution


def test_changed_file_of_a_dependency_is_refused(tmp_path: Path) -> None:
    """A file of diskimage-builder that is not what its wheel recorded does not get into the image."""
    found = distribution("diskimage-builder")
    entry = next(entry for entry in found.files or () if entry.hash and entry.name == "disk_image_create.py")
    assert entry.hash is not None
    source = Path(str(entry.locate()))
    image._verify(source, entry.hash.mode, entry.hash.value)
    changed = tmp_path / "disk_image_create.py"
    changed.write_bytes(source.read_bytes() + b"\n")
    with pytest.raises(NfsrootError, match=r"is not the file that diskimage-builder installed"):
        image._verify(changed, entry.hash.mode, entry.hash.value)


def test_bootstrap_sees_the_search_path_and_proxies_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the host's environment mmdebstrap gets PATH and the user's proxies; APT_CONFIG and the like stay outside."""
    for name, value in {"PATH": "/usr/bin", "http_proxy": "http://proxy.example", "APT_CONFIG": "/x"}.items():
        monkeypatch.setenv(name, value)
    for name in ("https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert image._host_environment() == {
        "PATH": "/usr/bin",
        "http_proxy": "http://proxy.example",
        "LC_ALL": "C.UTF-8",
    }
