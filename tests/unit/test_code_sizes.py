"""Modules and functions stay small enough to be read at once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

BUILDER = Path(__file__).parents[2] / "builder"
LINES_OF_A_MODULE, LINES_OF_A_FUNCTION = 400, 60


@pytest.mark.parametrize("file", sorted(BUILDER.rglob("*.py")), ids=lambda file: str(file.relative_to(BUILDER)))
def test_modules_and_functions_are_small(file: Path) -> None:
    """No module has more than 400 lines, and no function more than 60."""
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= LINES_OF_A_MODULE
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    large = {each.name: each.end_lineno - each.lineno + 1 for each in functions if each.end_lineno}
    assert {name: lines for name, lines in large.items() if lines > LINES_OF_A_FUNCTION} == {}
