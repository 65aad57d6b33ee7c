"""The lab finds a node's messages on the server, and says which of them are missing."""

from __future__ import annotations

import pytest
from lab_subject import Replies, subject

from builder.lab.checks import logs
from builder.lab.checks.logs import CHECKS
from builder.recipe.models import Logs, Recipe

(CHECK,) = CHECKS
FILE = "/var/log/nfsroot/ssi1.log"
JOURNAL = "2026-11-30T00:00:00+00:00 nfsroot-lab warning boot-1\n"
KERNEL = "2026-11-30T00:00:00+00:00 netconsole: [   20.1] nfsroot-lab kernel boot-1\n"
KERNEL_BY_JOURNAL = "2026-11-30T00:00:00+00:00 kernel: nfsroot-lab kernel boot-1\n"
INFO = "2026-11-30T00:00:00+00:00 nfsroot-lab info boot-1\n"


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for messages that will not come."""
    monkeypatch.setattr(logs, "SECONDS_TO_ARRIVE", 0.01)
    monkeypatch.setattr(logs, "PAUSE", 0.01)


@pytest.fixture
def logging(debian: Recipe) -> Recipe:
    """A recipe whose nodes send what they log to the cluster's server."""
    return debian.model_copy(update={"logs": Logs(server=debian.cluster.server.address)})


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (JOURNAL + KERNEL, []),
        (JOURNAL + KERNEL_BY_JOURNAL, ["no kernel's message"]),
        (KERNEL, ["no warning of the journal"]),
        ("", ["no warning of the journal", "no kernel's message"]),
        (JOURNAL.replace("boot-1", "boot-0") + KERNEL, ["no warning of the journal"]),
        (JOURNAL + KERNEL + INFO, ["a message below warning"]),
    ],
)
def test_both_kinds_of_messages_have_to_arrive(logging: Recipe, text: str, problems: list[str]) -> None:
    """A kernel's message that the journal sent is no sign that the kernel sends by itself."""
    replies: Replies = {"set -- boot-1": "", f"server: cat {FILE}": text}
    found = CHECK.examine(subject(logging, replies)).problems
    assert len(found) == len(problems)
    assert all(problem.startswith(words) for problem, words in zip(found, problems, strict=True))


def test_applies_where_the_clusters_server_receives(debian: Recipe, logging: Recipe) -> None:
    """The lab has no log server but the cluster's own."""
    other = debian.model_copy(update={"logs": Logs(server=debian.cluster.nodes[0].address)})
    assert [CHECK.applies(subject(recipe, {})) for recipe in (debian, other, logging)] == [False, False, True]
