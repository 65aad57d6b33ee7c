"""A story that is played: its stage, the commands that were typed there, and its nodes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from builder.errors import NfsrootError
from builder.lab.checks.model import Finding
from builder.lab.events import Emit
from builder.lab.story.commands import Commands
from builder.lab.story.stage import Stage
from builder.lab.story.story_node import StoryNode
from builder.lab.vocabulary.server_kind import PATIENCE as KIND_PATIENCE
from builder.parallel import crew
from builder.release_names import MENUS

TIMED = "nfsroot-site-confirm.service"
"""The unit of the Debian package nfsroot-site that its timer starts once a minute."""

SECONDS_FOR_TIMER = 240.0
SECONDS_BETWEEN_LOOKS = 5.0

STATE = "/var/lib/nfsroot-site/state.json"
PATIENCE = 2.0
"""The factor by which time limits of nodes grow, because commands run while nodes boot.

They also grow by the number of nodes for each processor.
"""


@dataclass
class Story:
    """A story that is played; `names` are the nodes of release A's cluster that are powered on."""

    stage: Stage
    commands: Commands
    emit: Emit
    names: Sequence[str]
    nodes: dict[str, StoryNode] = field(default_factory=dict)
    host_keys: dict[str, str] = field(default_factory=dict)
    settings_before: str = ""

    @property
    def name(self) -> str:
        """The name of the release under test."""
        return self.stage.releases["A"].manifest.name

    @property
    def canary(self) -> list[StoryNode]:
        """The first half of the nodes, which try an update."""
        every = self.first_cluster
        return every[: max(1, len(every) // 2)]

    @property
    def others(self) -> list[StoryNode]:
        """The second half of the nodes."""
        return self.first_cluster[len(self.canary) :]

    @property
    def first_cluster(self) -> list[StoryNode]:
        """The nodes of the release under test."""
        return [self.find_node("A", name) for name in self.names]

    def find_node(self, letter: str, name: str) -> StoryNode:
        """Find the node called `name` of a release's cluster."""
        if name not in self.nodes:
            node = next(node for node in self.stage.nodes(letter) if node.name == name)
            patience = (
                PATIENCE * KIND_PATIENCE[self.stage.server.kind] * max(1.0, len(self.names) / (os.cpu_count() or 1))
            )
            self.nodes[name] = StoryNode(self.stage, node, self.emit, patience)
        return self.nodes[name]

    def version(self, letter: str) -> str:
        """The version of a release."""
        return self.stage.releases[letter].manifest.version

    def reference(self, letter: str) -> str:
        """The name of a release in commands, NAME@VERSION."""
        manifest = self.stage.releases[letter].manifest
        return f"{manifest.name}@{manifest.version}"

    def root(self, letter: str) -> str:
        """The directory of a release's root on the server."""
        return self.stage.releases[letter].manifest.server_directory

    def read_serving(self) -> dict[str, Any]:
        """Read the entry of the release under test in the site's state; the result is empty without an entry."""
        table: dict[str, Any] = json.loads(self.commands.ask("cat", STATE))["recipes"]
        return dict(table.get(self.name, {}))

    def read_menu(self, name: str) -> str:
        """Read the menu that a node will read next."""
        return self.commands.ask("cat", f"/{MENUS}/{name}")

    def read_first_kernel(self, name: str) -> str:
        """Read the line of a node's menu, in its first entry, that loads a kernel."""
        lines = [line.strip() for line in self.read_menu(name).splitlines()]
        return next((line for line in lines if line.startswith(("kernel ", "linux "))), "")

    def confirm_due(self) -> None:
        """Type `confirm --due`, unless the server's timer does that by itself."""
        if not self.stage.has_timer:
            self.commands.try_site("confirm", "--due")

    def read_clock(self) -> str:
        """Read the server's clock: @ and the seconds since 1970 (UTC), as journalctl(1) takes it."""
        return self.commands.ask("date", "+@%s")

    def await_deadline(self, ends: float, began: str) -> str:
        """The output of `confirm --due` after a trial that ends at `ends` (seconds, time.monotonic()).

        `began` is the server's clock before the trial: its timer may have ended the trial already.
        """
        time.sleep(max(0.0, ends + 1 - time.monotonic()))
        if not self.stage.has_timer:
            return self.commands.try_site("confirm", "--due").output
        while self.read_serving()["trial"]:
            if time.monotonic() > ends + SECONDS_FOR_TIMER:
                raise NfsrootError(f"no timer has ended the trial within {SECONDS_FOR_TIMER:.0f} s of its deadline")
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return self.commands.ask("journalctl", "--no-pager", "--output=cat", f"--since={began}", f"--unit={TIMED}")

    def exists(self, path: str) -> bool:
        """Whether the server has a file or directory."""
        return self.stage.server.machine.run(["test", "-e", path]).status == 0

    def run_on_all(self, nodes: Sequence[StoryNode], do: Callable[[StoryNode], list[str]]) -> Finding:
        """Call `do` for all nodes at the same time, and give a finding with the problems that the calls return."""
        with crew(len(nodes)) as threads:
            try:
                wrong = [done() for done in [threads.begin(partial(do, node)) for node in nodes]]
            except BaseException:
                self.stage.cut_power()
                raise
        named = [f"{node.name}: {each}" for node, problems in zip(nodes, wrong, strict=True) for each in problems]
        return Finding(", ".join(node.name for node in nodes), tuple(named))


def need(finding: Finding) -> None:
    """End a scene whose next steps need healthy nodes: raise NfsrootError if `finding` has problems."""
    if finding.problems:
        raise NfsrootError("; ".join(finding.problems))
