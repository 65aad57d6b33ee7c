"""The validation of a document against its model, with messages that a person understands."""

from __future__ import annotations

import json
import math
from ipaddress import IPv4Network
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from builder.errors import Problem
from builder.recipe.base_model import Model
from builder.recipe.document import Document
from builder.recipe.messages import name_type, suggest
from builder.recipe.positions import KeyPath
from builder.urls import without_users

M = TypeVar("M", bound=Model)

_WANTED = {
    "string_type": ("a string", "put it in double quotes"),
    "int_type": ("a whole number", "write it without quotes, point or fraction"),
    "bool_type": ("a boolean", "write true or false without quotes"),
    "tuple_type": ("a list", "put it in square brackets"),
    "dict_type": ("a table", "write it under a header of its own"),
    "model_type": ("a table", "write it under a header of its own"),
}


def validate(document: Document, model: type[M]) -> tuple[M, Document, list[Problem]]:
    """The document as an instance of `model`, the document without its mistaken values, and the mistakes.

    Mistaken values take their defaults, so that everything else can be checked further.  A table that lacks a required
    key is taken out as a whole; so the model itself must have no required keys.
    """
    try:
        return _parse_json(document, model), document, []
    except ValidationError as error:
        details = error.errors()
        problems = [_explain(document, model, detail) for detail in details]
        document = document.without({_culprit(model, detail) for detail in details})
        return _parse_json(document, model), document, problems


def _parse_json(document: Document, model: type[M]) -> M:
    # JSON, because only there pydantic is strict about types and yet takes lists and names of enumerations.
    text = json.dumps(document.data, default=lambda _: math.nan)  # a date; no key of ours takes a fraction
    return model.model_validate_json(text, strict=True)


def _culprit(model: type[Model], detail: ErrorDetails) -> KeyPath:
    """The path of the value to take out: the mistaken one, or the table in which the mistaken one is required."""
    path = _path(detail)
    field = _table(model, path[:-1]).model_fields.get(str(path[-1]))
    return path[:-1] if field and field.is_required() else path


def _path(detail: ErrorDetails) -> KeyPath:
    """The key path of a detail, without the "[key]" that pydantic adds for a mistaken key of a dictionary."""
    return detail["loc"][:-1] if detail["loc"][-1] == "[key]" else detail["loc"]


def _explain(document: Document, model: type[Model], detail: ErrorDetails) -> Problem:
    path = _path(detail)
    name = format_path(path)
    given = _hide_users(detail["input"])
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            fix = suggest(str(path[-1]), _table(model, path[:-1]).model_fields, "keys here")
            return document.problem(path, f"unknown key {path[-1]!r}", fix, key=True)
        case "missing":
            return document.problem(path[:-1], f"{name} is missing", f"write {path[-1]} = ...")
        case "pattern":
            at_key = detail["loc"] != path
            return document.problem(path, f"{name} is {given!r}", f"write {context['words']}", key=at_key)
        case "enum" | "literal_error":
            return document.problem(path, f"{name} is {_show(given)}", f"write {context['expected']}")
        case "greater_than_equal":
            return document.problem(path, f"{name} is {detail['input']}", f"write {context['ge']} or more")
        case "less_than_equal":
            return document.problem(path, f"{name} is {detail['input']}", f"write {context['le']} or less")
        case "value_error":
            return document.problem(path, f"{name} is {given!r}", _address_fix(given))
        case kind:
            wanted, fix = _WANTED[kind]
            return document.problem(path, f"{name} must be {wanted}, not {name_type(_value(document, path))}", fix)


def _hide_users(value: Any) -> Any:
    """The value without the users and passwords of URLs, so that messages can show it."""
    return without_users(value) if isinstance(value, str) else value


def _address_fix(text: str) -> str:
    """The fix for a mistaken address or subnet."""
    if "/" not in text:
        return "write an IPv4 address such as 192.168.0.1"
    try:
        return f"write {IPv4Network(text, strict=False)}"
    except ValueError:
        return "write a subnet such as 192.168.0.0/24"


def format_path(path: KeyPath) -> str:
    """The path in the form that people write: `nodes[0].names`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _show(value: Any) -> str:
    return repr(value) if type(value) in (str, int) else name_type(value)


def _value(document: Document, path: KeyPath) -> Any:
    value: Any = document.data
    for part in path:
        value = value[part]
    return value


def _table(model: type[Model], path: KeyPath) -> type[Model]:
    """The model of the table at `path`."""
    for part in path:
        if part in model.model_fields:
            model = _table_model(model.model_fields[str(part)].annotation) or model
    return model


def _table_model(annotation: Any) -> type[Model] | None:
    """The model inside an annotation such as `tuple[NodesInput, ...]` or `Kerrighed | None`."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _table_model(inner))), None)
