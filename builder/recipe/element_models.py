"""The models of an element of diskimage-builder and of its variables, as its element.toml declares them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from pydantic import Field, field_serializer

from builder.recipe.base_model import Model
from builder.recipe.patterns import Port, VariableName


class Variable(Model):
    """A variable that an element declares in its element.toml."""

    name: VariableName
    type: Literal["string", "integer", "boolean"]
    default: str | int | bool
    doc: str


class Element(Model):
    """An element of diskimage-builder, with the facts in its element.toml.

    An element without an element.toml, such as those of diskimage-builder itself, may have any variable: `variables` is
    None.
    """

    name: str
    path: Path
    description: str
    packages: tuple[str, ...] = Field(
        default=(), description="Packages that the element needs; of `a | b` one is enough."
    )
    default_packages: tuple[str, ...] = Field(
        default=(), description="Packages that are left out when others of a recipe conflict with them."
    )
    ports: tuple[Port, ...] = ()
    secrets: tuple[str, ...] = ()
    variables: tuple[Variable, ...] | None = ()

    def needs(self, named: Collection[str]) -> tuple[str, ...]:
        """The packages that the element needs; of alternatives the first that is among `named`, else the first."""
        choices = [need.split(" | ") for need in self.packages]
        return tuple(next((name for name in choice if name in named), choice[0]) for choice in choices)

    @field_serializer("path", when_used="json")
    def _path_without_this_machine(self, path: Path) -> str:
        return path.name
