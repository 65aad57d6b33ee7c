from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from builder.recipe.positions import KeyPath, scan

FILE = Path("x.toml")
KEY = re.compile(r"""[A-Za-z0-9_-]+|"([^"\\]|\\.)*"|'[^']*'""")

KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\x7f", exclude_categories=("Cs", "Cc")), max_size=5)
KEYS_AND_BARE = KEYS.filter(lambda key: not key[:1].isupper()) | st.from_regex(r"[a-z0-9_-]{1,5}", fullmatch=True)
SCALARS = st.booleans() | st.integers() | KEYS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS_AND_BARE, inner, max_size=3), max_leaves=6
)
TABLES = st.dictionaries(KEYS_AND_BARE, VALUES, max_size=4)
GAPS = st.sampled_from(["", " ", "\t", ' # a = [1, "\n', "\n", "\n\n  "])


def _key_text(key: str, draw: Any) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]+", key) and draw(st.booleans()):
        return key
    if "'" not in key and draw(st.booleans()):
        return f"'{key}'"
    return json.dumps(key, ensure_ascii=draw(st.booleans()) and key.isascii())


def _string_text(text: str, draw: Any) -> str:
    forms = [json.dumps(text, ensure_ascii=False), '"""' + json.dumps(text, ensure_ascii=False)[1:-1] + '"""']
    if "'" not in text:
        forms += [f"'{text}'", f"'''{text}'''", f"'''\n{text}''''"]
    return draw(st.sampled_from(forms))


def _value_text(value: Any, draw: Any) -> str:
    gap = draw(GAPS)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _string_text(value, draw)
    if isinstance(value, list):
        return f"[{gap}" + f"{gap},{gap}".join(_value_text(item, draw) for item in value) + f"{gap}]"
    if isinstance(value, dict):
        pairs = (f"{_key_text(key, draw)} = {_value_text(item, draw)}" for key, item in value.items())
        return "{" + " , ".join(pairs) + "}"
    return str(value)


@st.composite
def documents(draw: Any) -> str:
    """TOML with tables, arrays of tables, sub-tables of them, dotted keys, comments and every kind of string."""
    lines = [draw(GAPS), *_pairs(draw(TABLES), draw)]
    for name in draw(st.lists(st.from_regex(r"[A-Z]{1,3}", fullmatch=True), max_size=3, unique=True)):
        if draw(st.booleans()):
            lines += [
                f"[ {name} ] # table",
                *_pairs(draw(TABLES), draw),
                f"[{name}.SUB.'x y']",
                *_pairs(draw(TABLES), draw),
            ]
            continue
        for _ in range(draw(st.integers(1, 3))):
            lines += [f"[[{name}]]", *_pairs(draw(TABLES), draw), f"[[{name} . IN]]", *_pairs(draw(TABLES), draw)]
            lines += [f"[{name}.SUB]", 'A.B . "c" = 1979-05-27 07:32:00Z', "A.D = 1e3"]
    return "\n".join(lines)


def _pairs(table: dict[str, Any], draw: Any) -> list[str]:
    return [f"{_key_text(key, draw)}\t= {_value_text(value, draw)} # '{{[" for key, value in table.items()]


def _paths(value: Any, path: KeyPath = ()) -> list[tuple[KeyPath, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [pair for key, item in items for pair in [((*path, key), item), *_paths(item, (*path, key))]]


def _text_at(text: str, line: int, column: int) -> str:
    return text.split("\n", line - 1)[line - 1][column - 1 :]


def _starts_with(text: str, value: Any) -> bool:
    """Whether `text` starts with TOML for `value`."""
    for end in range(1, len(text) + 1):
        if text[end : end + 1] in ("", " ", "\t", "\n", ",", "]", "}"):
            try:
                if tomli.loads(f"x = {text[:end]}")["x"] == value:
                    return True
            except tomli.TOMLDecodeError:
                continue
    return False


@given(documents())
def test_every_path_of_tomli_starts_at_its_mark(text: str) -> None:
    """Every path that tomli yields has marks, and the text there is that key and that value."""
    marks = scan(text, FILE)
    found = _paths(tomli.loads(text))
    assert {path for path, _ in found} == marks.keys()
    for path, value in found:
        mark = marks[path]
        if isinstance(path[-1], str):
            name = KEY.match(_text_at(text, *mark.key[1:]))
            assert name and next(iter(tomli.loads(f"{name[0]} = 0"))) == path[-1]
        if mark.value != mark.key or (isinstance(path[-1], int) and not isinstance(value, dict)):
            assert _starts_with(_text_at(text, *mark.value[1:]), value)


@pytest.mark.parametrize(
    ("text", "path", "key", "value"),
    [
        ("a = 1", ("a",), (1, 1), (1, 5)),
        ("# c\n[t]\n  a = 1", ("t", "a"), (3, 3), (3, 7)),
        ("[t]\na.b = 1", ("t", "a"), (2, 1), (2, 1)),
        ("a = [\n 1,\n 2 ]", ("a", 1), (3, 2), (3, 2)),
        ("[[n]]\nx = 1\n[[n]]\nx = 2", ("n", 1, "x"), (4, 1), (4, 5)),
        ("[[n]]\n[n.t]\n[[n]]", ("n", 0, "t"), (2, 4), (2, 4)),
        ('a = """\n""""" # "\nb = 1', ("b",), (3, 1), (3, 5)),
        ("a = { b = [ { c = 1 } ] }", ("a", "b", 0, "c"), (1, 15), (1, 19)),
        ("d = 1979-05-27 07:32:00\nb = 1", ("b",), (2, 1), (2, 5)),
        ('"a\\u0062" = 1', ("ab",), (1, 1), (1, 13)),
    ],
)
def test_marks(text: str, path: KeyPath, key: tuple[int, int], value: tuple[int, int]) -> None:
    """Key and value of each kind of path stand where a reader would point."""
    mark = scan(text, FILE)[path]
    assert (mark.key[1:], mark.value[1:]) == (key, value)


def test_ten_thousand_elements_take_little_time() -> None:
    """The scanner is linear: a long list is no reason to wait."""
    text = "a = [\n" + "".join(f'  "{number}",\n' for number in range(10_000)) + "]\n"
    assert scan(text, FILE)["a", 9_999].value == (FILE, 10_001, 3)
