"""The first scenes of the story `update`: publish, unpack, switch, try an update on some nodes, roll back."""

from __future__ import annotations

import time

from builder.lab.checks.model import Finding
from builder.lab.story import reading
from builder.lab.story.findings import check_host_keys, check_next_boot, check_roots
from builder.lab.story.scene import Claim, Findings, Scene
from builder.lab.story.stage_server import STORE
from builder.lab.story.story import Story, need
from builder.lab.story.story_node import StoryNode
from builder.lab.story.story_releases import PACKAGE

PUBLISH = ("publish", "--allow-unproved", "--to", STORE)
SECONDS_TO_CONFIRM = 300.0
SECONDS_BETWEEN_CONFIRMS = 5.0
"""The seconds from one `confirm` to the next; the timer of a site runs the command once a minute."""


def _begin(story: Story) -> Findings:
    typed = story.commands
    typed.nfsroot(*PUBLISH, story.stage.directory_of("A"))
    fingerprint = typed.ask_builder("sha256sum", f"{STORE}/metadata/1.root.json")
    typed.site("trust", STORE, f"SHA256:{fingerprint.split()[0]}")
    typed.site("unpack", story.reference("A"), "--from", STORE)
    modules = f"{story.root('A')}/lib/modules"
    yield "root", Finding(modules, () if story.exists(modules) else (f"{modules} is not there",))
    typed.site("switch", story.name, story.version("A"))
    yield "menus", check_next_boot(story, story.first_cluster, "A")


def _boot(story: Story) -> Findings:
    found = story.run_on_all(story.first_cluster, lambda node: node.boot("A"))
    yield "checks", found
    need(found)
    story.host_keys = {node.name: node.read_host_keys() for node in story.first_cluster}


def _unpack_beside(story: Story) -> Findings:
    typed = story.commands
    typed.nfsroot(*PUBLISH, story.stage.directory_of("B"))
    before = {node.name: reading.begin_reading(node.running) for node in story.first_cluster}
    menus = typed.ask("readlink", "/srv/tftp/grub")
    typed.site("unpack", story.reference("B"), "--from", STORE)
    yield (
        "unpacked",
        Finding(story.root("B"), () if story.exists(story.root("B")) else ("the root is not there",)),
    )
    for node in story.first_cluster:
        name = node.name
        yield "reading", reading.judge_reading(name, before[name], reading.end_reading(node.running))
    after = typed.ask("readlink", "/srv/tftp/grub")
    yield "menus", Finding(after, () if after == menus else (f"the menus were {menus} and are {after}",))
    yield "running", check_roots(story, story.first_cluster, "A")


def _canary(story: Story) -> Findings:
    names = ",".join(node.name for node in story.canary)
    story.commands.site("switch", story.name, story.version("B"), "--nodes", names, "--confirm", "30m")
    yield "menus", check_next_boot(story, story.canary, "B")
    found = story.run_on_all(story.canary, lambda node: node.reboot("B"))
    yield "update", found
    need(found)
    yield "update", _check_package(story.canary)
    yield "confirmed", _await_confirmation(story)
    yield "host keys", check_host_keys(story, story.canary)
    yield "others", check_next_boot(story, story.others, "A")
    yield "others", check_roots(story, story.others, "A")


def _roll_back(story: Story) -> Findings:
    story.commands.site("rollback", story.name)
    yield "menus", check_next_boot(story, story.first_cluster, "A")
    found = story.run_on_all(story.canary, lambda node: node.reboot("A"))
    yield "back", found
    need(found)
    yield "host keys", check_host_keys(story, story.canary)


def _check_package(nodes: list[StoryNode]) -> Finding:
    said = {node.name: node.running.ask(f"dpkg-query --show {PACKAGE}").text for node in nodes}
    wrong = [f"{name}: {text}" for name, text in said.items() if not text.startswith(f"{PACKAGE}\t")]
    return Finding("; ".join(" ".join(text.split()) for text in said.values()), tuple(wrong))


def _await_confirmation(story: Story) -> Finding:
    """Wait until the nodes' own reports end the trial of the update, and check that they keep it."""
    deadline = time.monotonic() + SECONDS_TO_CONFIRM
    while (serving := story.read_serving())["trial"]:
        if time.monotonic() > deadline:
            return Finding("", (f"the trial goes on after {SECONDS_TO_CONFIRM:.0f} s: {serving['trial']}",))
        story.confirm_due()
        time.sleep(SECONDS_BETWEEN_CONFIRMS)
    wanted = {node.name: story.version("B") for node in story.canary}
    saw = ", ".join(f"{name}: {version}" for name, version in serving["nodes"].items())
    return Finding(saw, () if serving["nodes"] == wanted else (f"nodes have {saw or 'nothing of their own'}",))


SCENES: tuple[Scene[Story], ...] = (
    Scene(
        "begin",
        "A release goes into a store, onto the server, and to its nodes.",
        ("nfsroot publish A --to STORE", "nfsroot-site trust STORE FINGERPRINT",
         "nfsroot-site unpack NAME@A --from STORE", "nfsroot-site switch NAME A"),
        (Claim("root", "the root of A is on the server"), Claim("menus", "each node's menu loads A first")),
        _begin,
        ("A",),
    ),
    Scene(
        "boot",
        "The nodes are powered on, all at once.",
        ("the nodes boot",),
        (Claim("checks", "each node runs A and passes every check of the lab"),),
        _boot,
    ),
    Scene(
        "unpack beside",
        "An update comes onto the server while nodes run and read files.",
        ("nfsroot publish B --to STORE", "each node reads files over and over",
         "nfsroot-site unpack NAME@B --from STORE"),
        (
            Claim("unpacked", "the root of B is on the server"),
            Claim("reading", "no node meets an error or a stale handle, and none drops what it has in its memory"),
            Claim("menus", "the menus are those of before"),
            Claim("running", "the nodes run A"),
        ),
        _unpack_beside,
        ("B",),
    ),
    Scene(
        "canary",
        "Half of the nodes try the update.",
        ("nfsroot-site switch NAME B --nodes HALF --confirm 30m", "these nodes start anew",
         "nfsroot-site confirm --due, by a timer"),
        (
            Claim("menus", "the menu of each of these nodes loads B first"),
            Claim("update", "each of them runs B, has its new package, and passes every check of the lab"),
            Claim("confirmed", "their own reports end the trial, and they keep B"),
            Claim("host keys", "each of them has the ssh host keys that it had"),
            Claim("others", "the other nodes run A, and would boot A again"),
        ),
        _canary,
    ),
    Scene(
        "roll back",
        "The update is given up.",
        ("nfsroot-site rollback NAME", "the nodes with the update start anew"),
        (
            Claim("menus", "each node's menu loads A first"),
            Claim("back", "each of them runs A again and passes every check of the lab"),
            Claim("host keys", "each of them has the ssh host keys that it had"),
        ),
        _roll_back,
    ),
)  # fmt: skip
"""The scenes with two releases of one recipe."""
