"""The state of a site, the versions that all nodes boot, as one value.

Each verb decides on a new state, and the server's files follow from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from builder import disk
from builder.errors import NfsrootError

SCHEMA = 1


@dataclass(frozen=True)
class Trial:
    """Nodes that boot a version on trial until they report, or until the deadline.

    `deadline` is a time in seconds since 1970 (UTC).  `boot_id` and `uptime` give this time by the clock that nobody
    sets: seconds since the server's boot `boot_id` (CLOCK_BOOTTIME, clock_gettime(2)).  Nodes in `confirmed` have
    reported that they run the version.  The trial lasts `seconds`.  `earlier_boots` are boots whose nodes reported the
    version before the trial began, which proves nothing.  With `everywhere`, all nodes of the recipe get the version
    when those on trial are confirmed.
    """

    version: str
    nodes: tuple[str, ...]
    deadline: int
    boot_id: str
    uptime: float
    confirmed: tuple[str, ...] = ()
    seconds: int = 900
    earlier_boots: tuple[str, ...] = ()
    everywhere: bool = False


@dataclass(frozen=True)
class Serving:
    """The versions that the nodes of one recipe boot.

    `version` is that of all nodes that `nodes` does not name; it is empty as long as nobody switched.  `before` is the
    version before that, to which `rollback` goes; empty where there is none.  `nodes` has the version of each node that
    boots another one (a canary).  A trial overrides both for its nodes.  `switched` is the time of the last switch, in
    seconds since 1970 (UTC).  `failed` is the version that was given up last, because its trial failed or because
    somebody went back: `sync` leaves it alone.
    """

    version: str = ""
    before: str = ""
    nodes: Mapping[str, str] = field(default_factory=dict)
    trial: Trial | None = None
    switched: int = 0
    failed: str = ""

    def version_of(self, node: str) -> str:
        """The version that a node boots."""
        on_trial = self.trial is not None and node in self.trial.nodes
        return self.trial.version if self.trial and on_trial else self.version_without_trial(node)

    def version_without_trial(self, node: str) -> str:
        """The version that a node boots when it is not, or no longer, on trial."""
        return self.nodes.get(node, self.version)

    def earlier_version_of(self, node: str) -> str:
        """The version that a node boots when the files of its own do not load; empty where there is none."""
        now, without_trial = self.version_of(node), self.version_without_trial(node)
        choices = (without_trial, self.version, self.before)
        return next((version for version in choices if version not in (now, "")), "")

    def versions(self) -> frozenset[str]:
        """Every version that a menu names as the first or the second choice."""
        named = {self.version, self.before, *self.nodes.values(), *((self.trial.version,) if self.trial else ())}
        return frozenset(named - {""})


@dataclass(frozen=True)
class SiteState:
    """The versions that the nodes of all recipes boot, by the recipe's name."""

    recipes: Mapping[str, Serving] = field(default_factory=dict)

    def of(self, name: str) -> Serving:
        """The versions that the nodes of a recipe boot; none for a recipe that nobody switched."""
        return self.recipes.get(name, Serving())

    def with_recipe(self, name: str, serving: Serving) -> SiteState:
        """This state with other versions for the nodes of a recipe."""
        return replace(self, recipes={**self.recipes, name: serving})

    def without_recipe(self, name: str) -> SiteState:
        """This state without a recipe."""
        return replace(self, recipes={key: value for key, value in self.recipes.items() if key != name})

    def document(self) -> dict[str, Any]:
        """The state as a JSON document."""
        return {
            "schema_version": SCHEMA,
            "recipes": {name: _serving_table(serving) for name, serving in sorted(self.recipes.items())},
        }


def parse(document: Mapping[str, Any]) -> SiteState:
    """The state in a JSON document.

    :raises NfsrootError: the document is no state of a site, or a newer nfsroot wrote it.
    """
    try:
        if document["schema_version"] != SCHEMA:
            raise NfsrootError(
                f"the state of this site has schema {document['schema_version']}; this program reads {SCHEMA}",
                resolution="Install the version of nfsroot-site that wrote it, or a newer one.",
            )
        return SiteState({str(name): _serving(table) for name, table in document["recipes"].items()})
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise NfsrootError(f"the state of this site cannot be read: {error!r}") from error


def read(file: Path) -> SiteState:
    """The state in a file; an empty one where there is no file.

    :raises NfsrootError: the file cannot be read.
    """
    try:
        return parse(json.loads(file.read_bytes()))
    except FileNotFoundError:
        return SiteState()
    except (OSError, ValueError) as error:
        raise NfsrootError(
            f"{file} cannot be read: {error}",
            resolution="`nfsroot-site log` shows the last changes; each of them has the state after it.",
        ) from error


def write(file: Path, state: SiteState) -> None:
    """Write the state into a file, which holds the old or the new state at any moment."""
    replace_file(file, state.document())


def replace_file(file: Path, document: Mapping[str, Any]) -> None:
    """Replace a file by a document as JSON in one step, and bring it to the disk.

    :raises NfsrootError: the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        disk.replace_file(file, f"{json.dumps(document, indent=1)}\n".encode())
    except OSError as error:
        raise NfsrootError(f"{file} cannot be written: {error.strerror}", resolution="Make room there.") from error


def _serving_table(serving: Serving) -> dict[str, Any]:
    trial = serving.trial
    return {
        "version": serving.version,
        "before": serving.before,
        "nodes": dict(sorted(serving.nodes.items())),
        "trial": _trial_table(trial) if trial else None,
        "switched": serving.switched,
        "failed": serving.failed,
    }


def _serving(table: Mapping[str, Any]) -> Serving:
    trial = table["trial"]
    return Serving(
        version=str(table["version"]),
        before=str(table["before"]),
        nodes={str(node): str(version) for node, version in table["nodes"].items()},
        trial=_trial(trial) if trial else None,
        switched=int(table["switched"]),
        failed=str(table["failed"]),
    )


def _trial_table(trial: Trial) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(trial).items()}


def _trial(table: Mapping[str, Any]) -> Trial:
    return Trial(
        version=str(table["version"]),
        nodes=_words(table["nodes"]),
        deadline=int(table["deadline"]),
        boot_id=str(table["boot_id"]),
        uptime=float(table["uptime"]),
        confirmed=_words(table["confirmed"]),
        seconds=int(table["seconds"]),
        earlier_boots=_words(table["earlier_boots"]),
        everywhere=bool(table["everywhere"]),
    )


def _words(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(map(str, values))
