from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli

from builder.recipe.schema import json_schema, schema_text

CHECKOUT = Path(__file__).parents[3]
RECIPES = sorted((CHECKOUT / "recipes").glob("*.toml"))


def check(text: str) -> None:
    """Raises ValidationError when a recipe does not fit the schema."""
    jsonschema.Draft202012Validator(json_schema()).validate(tomli.loads(text))


def test_schema_is_one() -> None:
    """The schema is itself right by the metaschema of draft 2020-12."""
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_kept_file_is_current() -> None:
    """docs/reference has what the code says; `nfsroot schema` writes it anew."""
    assert (CHECKOUT / "docs/reference/recipe.schema.json").read_text() == schema_text()


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_our_recipes_fit(file: Path) -> None:
    """Every recipe that comes with nfsroot fits the schema that its first line names."""
    check(file.read_text())
    first = file.read_text().splitlines()[0]
    assert first.startswith("#:schema ")
    assert (file.parent / first.removeprefix("#:schema ")).resolve() == CHECKOUT / "docs/reference/recipe.schema.json"


@pytest.mark.parametrize(
    "text",
    [
        'debian.packages = ["-nano", "vim"]',
        'elements = ["-kerrighed"]',
        'cluster = "clusters/x.toml"',
        'cluster.nodes = [{names = "n[1-2]", addresses = "10.0.0.[1-2]", macs_file = "m.csv"}]',
        "variables.tuned = {SIZE = 3}",
        'stores.site = {url = "s3://releases/a", endpoint = "https://s3.example"}',
    ],
)
def test_right_recipes_fit(text: str) -> None:
    """An editor accepts what the loader accepts."""
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        'debian.sute = "trixie"',
        "debian.suite = 3",
        'root.access = "rx"',
        'kernel.arguments = ["a b"]',
        "boot.timeout_seconds = -1",
        "kerrighed.session_id = 10000",
        'cluster.domian = "x"',
        'root.writable = [{path = "/var"}]',
    ],
)
def test_wrong_recipes_do_not_fit(text: str) -> None:
    """An editor marks what the loader refuses."""
    with pytest.raises(jsonschema.ValidationError):
        check(text)


def test_every_key_is_described() -> None:
    """An editor shows a sentence for each key of each table."""

    def undescribed(schema: dict[str, Any], name: str) -> list[str]:
        keys = schema.get("properties", {})
        return [f"{name}.{key}" for key, value in keys.items() if not value.get("description")]

    schema = json_schema()
    tables = {"recipe": schema, **schema["$defs"]}
    assert [key for name, table in tables.items() for key in undescribed(table, name)] == []


def test_reference_names_every_key() -> None:
    """docs/reference/recipe.md leaves no key of any table out."""
    reference = (CHECKOUT / "docs/reference/recipe.md").read_text()
    tables = [json_schema(), *json_schema()["$defs"].values()]
    keys = {key for table in tables for key in table.get("properties", {})}
    assert [key for key in sorted(keys) if f"`{key}`" not in reference and f"`[{key}" not in reference] == []
