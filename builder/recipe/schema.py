"""The JSON Schema of a recipe, with which editors complete and check recipes."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from builder.recipe.input_models import ADDITIVE, RecipeInput

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a recipe's TOML, with descriptions."""
    schema = RecipeInput.model_json_schema(schema_generator=_TomlSchema)
    for path in ADDITIVE:
        _allow_removal(_property(schema, path)["items"])
    return {"$schema": _DIALECT, **schema, "title": "nfsroot recipe"}


def schema_text() -> str:
    """The schema as the JSON file that is kept in docs/reference/recipe.schema.json."""
    return json.dumps(json_schema(), indent=2) + "\n"


class _TomlSchema(GenerateJsonSchema):
    """A generator of schemas without null, which TOML does not have: a key without a value is left out."""

    def nullable_schema(self, schema: Any) -> Any:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> Any:
        json_schema = super().default_schema(schema)
        if json_schema.get("default", "") is None:
            del json_schema["default"]
        return json_schema


def _property(schema: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = schema
    for key in path:
        found = found["properties"][key]
        found = schema["$defs"][found["$ref"].rsplit("/", 1)[1]] if "$ref" in found else found
    return found


def _allow_removal(items: dict[str, Any]) -> None:
    """Allow an entry "-NAME", which removes an inherited NAME, in the items of a list."""
    if "pattern" in items:
        items["pattern"] = re.sub(r"^\^", "^-?", items["pattern"])
