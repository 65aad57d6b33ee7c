"""Reads the stores in the user's configuration, ~/.config/nfsroot/config.toml, and those that recipes name.

The configuration names the places of secrets, files and variables, and holds none of them itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from builder.errors import InputError, Problem
from builder.recipe.document import Document, read
from builder.recipe.messages import name_type, suggest

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
HEADER = re.compile(r"[A-Za-z0-9-]+")
SECRETS = ("password_file", "password_env", "token_file", "token_env")


@dataclass(frozen=True)
class StoreSettings:
    """The table `[stores.NAME]` in `file`, the configuration or a recipe.

    The fields are explained in docs/reference/stores.md; those that the table leaves out are empty.
    """

    name: str
    file: Path
    url: str = ""
    user: str = ""
    password_file: str = ""
    password_env: str = ""
    token_file: str = ""
    token_env: str = ""
    token_header: str = ""
    ca_file: str = ""
    endpoint: str = ""
    region: str = ""
    plain_http: bool | None = None

    def path(self, written: str) -> Path:
        """The path for the text `written` in the table: relative to its file's directory, `~` for the user's home."""
        return self.file.parent / Path(written).expanduser()


class SettingsError(InputError):
    """All mistakes in the configuration, or in a recipe's table of a store, in the order in which they stand there."""

    def __init__(self, problems: list[Problem], where: str = "the configuration") -> None:
        self.problems = tuple(sorted(problems))
        count = len(problems)
        super().__init__(
            f"{where} has {count} mistake{'s' if count != 1 else ''}",
            details="\n".join(map(str, self.problems)),
        )


KEYS = tuple(field.name for field in fields(StoreSettings) if field.name not in ("name", "file"))

RECIPE_KEYS = ("url", "endpoint", "region", "plain_http")
"""The keys of the table in a recipe, which many people share: users, secrets and files are each user's own."""


def settings_file(environment: Mapping[str, str] = os.environ) -> Path:
    """The user's configuration (XDG Base Directory Specification)."""
    base = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or "/", ".config")
    return Path(base, "nfsroot", "config.toml")


def read_settings(file: Path, *, alone: bool = True) -> dict[str, StoreSettings]:
    """The stores in the configuration `file`, by name; none when there is no such file.

    The user's configuration has the stores `alone`: other tables are mistakes.  Other files may have other tables.

    :raises SettingsError: the file cannot be read, or has mistakes.
    """
    if not file.exists():
        return {}
    document = read(file)
    if isinstance(document, Problem):
        raise SettingsError([document])
    problems = list(_find_mistakes(document, alone=alone))
    if problems:
        raise SettingsError(problems)
    return {name: StoreSettings(name, file, **table) for name, table in document.data.get("stores", {}).items()}


def find_in_recipes(name: str, recipes: Iterable[Path]) -> StoreSettings | None:
    """The store with the name `name` in the files `recipes`; None when no recipe has a store of that name.

    Recipes that cannot be read, and mistakes in other tables, are ignored here: `nfsroot check` reports them.

    :raises SettingsError: the table has a mistake, or names a secret, which is the user's own.
    :raises InputError: recipes give the name to different stores.
    """
    found: list[StoreSettings] = []
    for document in filter(lambda document: isinstance(document, Document), map(read, recipes)):
        assert isinstance(document, Document)
        stores = document.data.get("stores", {})
        if isinstance(stores, dict) and name in stores:
            problems = list(_find_mistakes_in_store(document, name, stores[name], RECIPE_KEYS))
            if problems:
                raise SettingsError(problems, "the recipe's table of stores")
            found.append(StoreSettings(name, document.file, **stores[name]))
    other = next((each for each in found if replace(each, file=found[0].file) != found[0]), None)
    if other:
        raise InputError(
            f"two recipes give the name '{name}' to different stores: {found[0].file} to {found[0].url}, "
            f"{other.file} to {other.url}",
            resolution="Write the address in place of the name, or give the name in your own configuration.",
        )
    return found[0] if found else None


def _find_mistakes(document: Document, *, alone: bool) -> Iterator[Problem]:
    for key, value in document.data.items():
        if key != "stores":
            if alone:
                yield document.problem(
                    (key,), f"unknown table '{key}'", "the configuration has the table [stores]", key=True
                )
        elif not isinstance(value, dict):
            yield document.problem((key,), f"must be a table, not {name_type(value)}", "write [stores.NAME]")
        else:
            for name, table in value.items():
                yield from _find_mistakes_in_store(document, name, table)


def _find_mistakes_in_store(document: Document, name: str, table: Any, keys: Sequence[str] = KEYS) -> Iterator[Problem]:
    at = ("stores", name)
    if not isinstance(table, dict):
        yield document.problem(at, f"must be a table, not {name_type(table)}", f"write [stores.{name}]")
        return
    if not NAME.fullmatch(name):
        yield document.problem(at, "the name of a store is made of letters, digits, '.', '_' and '-'", key=True)
    for key, value in table.items():
        yield from _find_mistake_in_value(document, (*at, key), value, keys)
    if "url" not in table:
        yield document.problem(at, "lacks url", 'write url = "https://..." or another address of a store')
    yield from _find_contradictions(table, lambda key, what, fix: document.problem((*at, key), what, fix, key=True))


def _find_mistake_in_value(
    document: Document, path: tuple[str, str, str], value: Any, keys: Sequence[str]
) -> Iterator[Problem]:
    key = path[-1]
    if key in ("password", "token"):
        fix = f"name a file with {key}_file or a variable with {key}_env"
        yield document.problem(path, "this file holds no secrets", fix, key=True)
    elif key in KEYS and key not in keys:
        fix = f"write it into {settings_file()}, in a table with the same url"
        yield document.problem(path, f"'{key}' is each user's own, and not a recipe's", fix, key=True)
    elif key not in keys:
        yield document.problem(path, f"unknown key '{key}'", suggest(key, keys, "keys"), key=True)
    elif key == "plain_http":
        if not isinstance(value, bool):
            yield document.problem(path, f"must be true or false, not {name_type(value)}")
    elif not isinstance(value, str):
        yield document.problem(path, f"must be a string, not {name_type(value)}")
    elif what := _mistake_in_text(key, value):
        yield document.problem(path, *what)


def _mistake_in_text(key: str, text: str) -> tuple[str, str] | None:
    """The mistake in the text of a key, and advice about the right text; None without a mistake."""
    if not text:
        return "is empty", "leave the key out"
    if not text.isprintable():
        return "has a character that is no letter, digit, sign or blank", "write one line"
    if key == "url" and "://" not in text and not text.startswith(("/", "~")):
        return "is neither a URL nor an absolute path", 'write "https://..." or "/srv/..."'
    if key == "token_header" and not HEADER.fullmatch(text):
        return "is no name of a header", "write PRIVATE-TOKEN, for example"
    return None


def _find_contradictions(table: Mapping[str, Any], problem: Callable[[str, str, str], Problem]) -> Iterator[Problem]:
    """Yield the problems of keys that exclude each other, or that need another key."""
    secrets = [key for key in table if key in SECRETS]
    for key in secrets[1:]:
        yield problem(key, f"there is {secrets[0]} as well", "one of them is enough")
    if any(key.startswith("password") for key in secrets) and "user" not in table:
        yield problem(secrets[0], "a password needs a user", 'write user = "..."')
    if any(key.startswith("token") for key in secrets) and "user" in table:
        yield problem("user", "a token needs no user", "where a server wants both, the token is the user's password")
    if "user" in table and not secrets:
        yield problem("user", "a user needs a password", "name password_file or password_env")
    if "token_header" in table and not any(key.startswith("token") for key in secrets):
        yield problem("token_header", "there is no token", "name token_file or token_env")
