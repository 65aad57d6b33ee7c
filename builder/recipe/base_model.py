"""The base of all models of tables that users write, and of resolved recipes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A frozen table of a recipe; an unknown key is a mistake."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", strict=False)
