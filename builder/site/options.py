"""The site's own configuration, /etc/nfsroot-site.toml: choices that recipes do not make, or make differently."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from builder.errors import InputError
from builder.settings.programs import every_program
from builder.site.places import Places

FILE = "/etc/nfsroot-site.toml"


@dataclass(frozen=True)
class Options:
    """The site's choices: `programs` names the program for each role, which goes before the recipes' choice."""

    programs: Mapping[str, str] = field(default_factory=dict)


NO_OPTIONS = Options()
"""The options of a site without a configuration: recipes decide everything."""


def read_options(places: Places) -> Options:
    """The options of a site; without a file there are none.

    :raises InputError: the file has a mistake.
    """
    file = places.on_server(FILE)
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return NO_OPTIONS
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    return _options(table, str(file))


def _options(table: Mapping[str, Any], where: str) -> Options:
    server = table.get("server", {})
    if not isinstance(server, dict):
        raise InputError(f"{where}: server is no table", resolution='Write a line [server], and below it dhcp = "kea".')
    known = choices()
    for role, name in server.items():
        if role not in known:
            raise InputError(f"{where}: [server] knows no {role}", resolution=f"It knows {', '.join(known)}.")
        if name not in known[role]:
            raise InputError(
                f"{where}: {name!r} is no {role} server", resolution=f"Write one of {', '.join(known[role])}."
            )
    return Options(dict(server))


def choices() -> dict[str, tuple[str, ...]]:
    """The names of the programs that may serve, by their roles."""
    roles: dict[str, tuple[str, ...]] = {}
    for program in every_program():
        roles[program.role] = (*roles.get(program.role, ()), program.name)
    return roles
