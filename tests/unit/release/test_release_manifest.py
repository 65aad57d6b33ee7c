"""The manifest: what goes in comes out, and its schema is the one in docs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from release_manifest import manifest

from builder.errors import InputError
from builder.packing.archive import Joined
from builder.recipe.models import Login, Recipe
from builder.release.manifest import FILE, Manifest, Package, Part, add_security, json_schema, packages, released_files


def test_manifest_comes_back(tmp_path: Path) -> None:
    """A manifest that is written and read is the same one."""
    (tmp_path / FILE).write_text(manifest().text())
    assert Manifest.read(tmp_path) == manifest()


def test_resolved_recipe_comes_back(tmp_path: Path, kerrighed: Recipe) -> None:
    """A whole recipe fits into a manifest and comes back as it was, without a path of the build's machine."""
    written = manifest(recipe=kerrighed.model_dump(mode="json"))
    (tmp_path / FILE).write_text(written.text())
    assert Manifest.read(tmp_path).recipe == kerrighed.model_dump(mode="json")
    assert str(Path.cwd()) not in written.text()


def test_password_hash_stays_out(kerrighed: Recipe) -> None:
    """A manifest is published: it does not hold the hash of root's password."""
    login = Login(root_password_hash="$y$j9T$salt$hash")
    recipe = kerrighed.model_copy(update={"login": login})
    assert "$y$" not in manifest(recipe=recipe.model_dump(mode="json")).text()


def test_manifest_fits_its_schema() -> None:
    """What is written is what the schema describes, and the schema itself is right."""
    jsonschema.Draft202012Validator.check_schema(json_schema())
    jsonschema.Draft202012Validator(json_schema()).validate(json.loads(manifest().text()))


@pytest.mark.parametrize(
    ("field", "value"),
    [("unknown", 1), ("files", [{"path": "x", "size": 1, "sha256": "short"}]), ("content", None), ("steps", {"a": 1})],
)
def test_schema_refuses(field: str, value: object) -> None:
    """A field that is unknown or of another form does not fit the schema."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**json.loads(manifest().text()), field: value}, json_schema())


def test_kept_schema_is_current(project_directory: Path) -> None:
    """docs/reference has what the code says; `nfsroot schema --manifest` writes it anew."""
    kept = (project_directory / "docs/reference/manifest.schema.json").read_text()
    assert kept == json.dumps(json_schema(), indent=2) + "\n"


def test_every_field_is_described() -> None:
    """A reader of the schema finds a sentence for each field of the manifest."""
    schema = json_schema()
    assert [name for name, field in schema["properties"].items() if not field.get("description")] == []


def test_files_of_a_release(tmp_path: Path) -> None:
    """Every file is listed by its path below the release, sorted, with size and digest, be it known already or not."""
    (tmp_path / "pxegrub").mkdir()
    (tmp_path / "pxegrub/a").write_bytes(b"abc")
    (tmp_path / "b").write_bytes(b"")
    joined = Joined(tmp_path / "c")
    for piece in (b"d", b"ef"):
        joined.write([piece])
    empty, whole, halves = released_files(tmp_path, [joined])
    assert (empty.path, empty.size, empty.sha256) == ("b", 0, hashlib.sha256(b"").hexdigest())
    assert (halves.path, halves.size, halves.sha256) == ("pxegrub/a", 3, hashlib.sha256(b"abc").hexdigest())
    assert (whole.path, whole.size, whole.sha256) == ("c", 3, hashlib.sha256(b"def").hexdigest())
    assert whole.parts == tuple(
        Part(sha256=hashlib.sha256(piece).hexdigest(), size=len(piece)) for piece in (b"d", b"ef")
    )
    for file in (empty, halves):
        assert file.parts == (Part(sha256=file.sha256, size=file.size),), "a file that nobody joined is one part"


def of_schema_1() -> dict[str, Any]:
    """The document of a manifest as nfsroot wrote it before files had parts."""
    document: dict[str, Any] = json.loads(manifest().text())
    files = [{"path": "kernel", "size": 6, "sha256": "1" * 64}]
    return {**document, "schema_version": 1, "files": files}


def test_schema_1_is_read(tmp_path: Path) -> None:
    """Files of a manifest of schema 1 are one part each, and the manifest says what it cannot know."""
    (tmp_path / FILE).write_text(json.dumps(of_schema_1()))
    read = Manifest.read(tmp_path)
    assert [file.parts for file in read.files] == [(Part(sha256="1" * 64, size=6),)]
    assert [sentence.split()[:4] for sentence in read.lost] == [
        ["It", "names", "no", "parts"],
        ["It", "has", "no", "list"],
    ]
    assert manifest().lost == ()


@pytest.mark.parametrize("files", [None, 3, [3], [{"path": "kernel", "size": 6}], [{"sha256": "1" * 64}]])
def test_damaged_schema_1_is_refused(tmp_path: Path, files: object) -> None:
    """A manifest of schema 1 that is damaged is refused as any other is."""
    (tmp_path / FILE).write_text(json.dumps({**of_schema_1(), "files": files}))
    with pytest.raises(InputError, match="is not a manifest"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ([], "the parts of kernel have 0 bytes, and the file has 6"),
        ([("2" * 64, 3), ("3" * 64, 2)], "the parts of kernel have 5 bytes, and the file has 6"),
        ([("2" * 64, 6)], "the one part of kernel has another digest than the file"),
        ([("short", 6)], "String should match pattern"),
    ],
)
def test_parts_that_do_not_add_up(tmp_path: Path, parts: list[tuple[str, int]], fault: str) -> None:
    """A manifest in which a file's parts are not the file is refused, and the file is named."""
    written = [{"sha256": digest, "size": size} for digest, size in parts]
    files = [{"path": "kernel", "size": 6, "sha256": "1" * 64, "parts": written}]
    (tmp_path / FILE).write_text(json.dumps({**json.loads(manifest().text()), "files": files}))
    with pytest.raises(InputError, match="is not a manifest") as refused:
        Manifest.read(tmp_path)
    assert fault in refused.value.details


def test_security_of_packages() -> None:
    """Each package gets its newest version in the security archive that it is not older than."""
    fixed = {("a", "amd64"): ("1-1+deb13u1", "1-1+deb13u3"), ("b", "i386"): ("1",), ("c", "amd64"): ("2",)}
    versions = {"a": "1-1+deb13u2", "b": "1", "c": "1"}
    found = add_security(
        [Package(name=name, version=version, architecture="amd64", source=name) for name, version in versions.items()],
        fixed,
    )
    assert {each.name: each.security for each in found} == {"a": "1-1+deb13u1", "b": "", "c": ""}


def test_packages_of_a_tree(tmp_path: Path) -> None:
    """A source package is named without its version, and a package that names none is its own."""
    (tmp_path / "packages.tsv").write_text("nano\t8.4-1\tamd64\t\nlibc6\t2.41-12\tamd64\tglibc (2.41)\n")
    nano, libc = packages(tmp_path / "packages.tsv")
    assert (nano.name, nano.version, nano.architecture, nano.source) == ("nano", "8.4-1", "amd64", "nano")
    assert libc.source == "glibc"


def test_a_part_takes_a_line() -> None:
    """The text of a manifest is the same JSON as pydantic's own, with braces and line breaks in values as they are."""
    odd = {"name": "a{b", "about": "two\nlines }", "list": [], "table": {"inner": {"x": "["}, "y": "{1}"}}
    written = manifest(recipe=odd)
    assert json.loads(written.text()) == json.loads(written.model_dump_json())
    parts = [part for file in written.files for part in file.parts]
    assert parts
    for part in parts:
        assert f'{{ "sha256": "{part.sha256}", "size": {part.size} }}' in written.text()
