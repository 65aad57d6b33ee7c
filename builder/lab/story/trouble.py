"""The middle scenes of the story `update`: a release whose boot never completes, and one that was damaged."""

from __future__ import annotations

import time

from builder.lab.checks.model import Finding
from builder.lab.story.findings import check_host_keys, check_next_boot, check_roots
from builder.lab.story.scene import Claim, Findings, Scene
from builder.lab.story.stage_server import STORE
from builder.lab.story.story import STATE, Story
from builder.lab.story.story_node import StoryNode
from builder.lab.story.update import PUBLISH

TRIAL_SECONDS = 240
"""The seconds of a trial, in which a node boots even without KVM; a node that has not booted by then reboots."""

REFUSED = 3
"""The exit status of a command that refuses to do its work."""


def _fall_back(story: Story) -> Findings:
    typed, node = story.commands, story.canary[0]
    name, began, clock = node.name, time.monotonic(), story.read_clock()
    typed.nfsroot(*PUBLISH, story.stage.directory_of("C"))
    typed.site("unpack", story.reference("C"), "--from", STORE)
    typed.site("switch", story.name, story.version("C"), "--nodes", name, "--confirm", f"{TRIAL_SECONDS}s")
    yield "menu", check_next_boot(story, [node], "C")
    node.go_down_to_reboot()
    yield "anew", _check_restart(node, "C")
    told = story.await_deadline(began + TRIAL_SECONDS, clock)
    yield "told", Finding(told, () if name in told else (f"{name} is not named: {told}",))
    yield "back", check_next_boot(story, [node], "A")
    yield "back", Finding(name, tuple(node.boot("A")))
    yield "back", check_roots(story, story.first_cluster, "A")
    yield "host keys", check_host_keys(story, [node])


def _check_restart(node: StoryNode, letter: str) -> Finding:
    """Check that a node that boots a release reboots by itself in time."""
    seconds = TRIAL_SECONDS * node.patience
    if node.reboots_by_itself(letter, seconds):
        return Finding(f"{node.name} rebooted by itself")
    return Finding("", (f"{node.name} did not reboot by itself within {seconds:.0f} s",))


def _refuse(story: Story) -> Findings:
    typed, root = story.commands, story.root("D")
    typed.nfsroot(*PUBLISH, story.stage.directory_of("D"))
    manifest = f"{STORE}/releases/{story.name}/{story.version('D')}/*.manifest.json"
    typed.ask_builder("sh", "-euc", f"sed -i 's/story=damaged/story=Damaged/' {manifest}")
    before = typed.ask("cat", STATE), typed.ask("readlink", "/srv/tftp/grub")
    told = typed.try_site("unpack", story.reference("D"), "--from", STORE)
    status = f"exit status {told.status}: {told.output}"
    yield "refused", Finding(status, () if told.status == REFUSED else (status,))
    yield "nothing", Finding(f"{root} is not there", (f"{root} is there",) if story.exists(root) else ())
    after = typed.ask("cat", STATE), typed.ask("readlink", "/srv/tftp/grub")
    yield "as before", Finding(after[1], () if after == before else (f"{before} became {after}",))
    yield "as before", check_roots(story, story.first_cluster, "A")


SCENES: tuple[Scene[Story], ...] = (
    Scene(
        "fall back",
        "A node tries a release whose boot is never complete, and nobody helps.",
        ("nfsroot publish C --to STORE", "nfsroot-site unpack NAME@C --from STORE",
         f"nfsroot-site switch NAME C --nodes NODE --confirm {TRIAL_SECONDS}s", "the node starts anew",
         "nfsroot-site confirm --due, by a timer, at the deadline"),
        (
            Claim("menu", "the node's menu loads C first"),
            Claim("anew", "the node, which does not reach boot-complete.target, starts anew by itself"),
            Claim("told", "at the deadline the command names the node that did not report"),
            Claim("back", "the node boots A by itself, and passes every check of the lab"),
            Claim("host keys", "it has the ssh host keys that it had"),
        ),
        _fall_back,
        ("C",),
    ),
    Scene(
        "refuse",
        "A release is altered in the store after it was signed.",
        ("nfsroot publish D --to STORE", "its manifest in the store is altered",
         "nfsroot-site unpack NAME@D --from STORE"),
        (
            Claim("refused", f"the command ends with exit status {REFUSED}"),
            Claim("nothing", "nothing of D is on the server"),
            Claim("as before", "state and menus are as before, and the nodes run on"),
        ),
        _refuse,
        ("D",),
    ),
)  # fmt: skip
"""The scenes with releases that fail."""
