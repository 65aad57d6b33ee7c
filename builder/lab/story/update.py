"""The beginning of the story `update`: publish, unpack, switch, try an update on some nodes, roll back."""

from __future__ import annotations

import time

from builder.lab.checks.model import Finding
from builder.lab.story import reading
from builder.lab.story.actors import STORE, Actors, need
from builder.lab.story.cast import PACKAGE
from builder.lab.story.findings import boot_next, keep_host_keys, run_from
from builder.lab.story.player import Player
from builder.lab.story.scene import Claim, Findings, Scene

PUBLISH = ("publish", "--allow-unproved", "--to", STORE)
SECONDS_TO_CONFIRM = 300.0
SECONDS_BETWEEN_CONFIRMS = 5.0
"""The seconds from one `confirm` to the next; the timer of a site runs it only once a minute."""


def _begin(actors: Actors) -> Findings:
    typed = actors.commands
    typed.nfsroot(*PUBLISH, actors.stage.directory_of("A"))
    fingerprint = typed.ask("sha256sum", f"{STORE}/metadata/1.root.json")
    typed.site("trust", STORE, f"SHA256:{fingerprint.split()[0]}")
    typed.site("unpack", actors.reference("A"), "--from", STORE)
    modules = f"{actors.root('A')}/lib/modules"
    yield "root", Finding(modules, () if actors.exists(modules) else (f"{modules} is not there",))
    typed.site("switch", actors.name, actors.version("A"))
    yield "menus", boot_next(actors, actors.first_cluster, "A")


def _boot(actors: Actors) -> Findings:
    found = actors.at_once(actors.first_cluster, lambda player: player.boot("A"))
    yield "checks", found
    need(found)
    actors.host_keys = {player.node.name: player.host_keys() for player in actors.first_cluster}


def _unpack_beside(actors: Actors) -> Findings:
    typed = actors.commands
    typed.nfsroot(*PUBLISH, actors.stage.directory_of("B"))
    before = {player.node.name: reading.begin(player.running) for player in actors.first_cluster}
    menus = typed.ask("readlink", "/srv/tftp/grub")
    typed.site("unpack", actors.reference("B"), "--from", STORE)
    yield "unpacked", Finding(actors.root("B"), () if actors.exists(actors.root("B")) else ("the root is not there",))
    for player in actors.first_cluster:
        name = player.node.name
        yield "reading", reading.judge(name, before[name], reading.end(player.running))
    after = typed.ask("readlink", "/srv/tftp/grub")
    yield "menus", Finding(after, () if after == menus else (f"the menus were {menus} and are {after}",))
    yield "running", run_from(actors, actors.first_cluster, "A")


def _canary(actors: Actors) -> Findings:
    names = ",".join(player.node.name for player in actors.canary)
    actors.commands.site("switch", actors.name, actors.version("B"), "--nodes", names, "--confirm", "30m")
    yield "menus", boot_next(actors, actors.canary, "B")
    found = actors.at_once(actors.canary, lambda player: player.reboot("B"))
    yield "update", found
    need(found)
    yield "update", _have_package(actors.canary)
    yield "confirmed", _confirmed(actors)
    yield "host keys", keep_host_keys(actors, actors.canary)
    yield "others", boot_next(actors, actors.others, "A")
    yield "others", run_from(actors, actors.others, "A")


def _roll_back(actors: Actors) -> Findings:
    actors.commands.site("rollback", actors.name)
    yield "menus", boot_next(actors, actors.first_cluster, "A")
    first = actors.canary[:1]
    found = actors.at_once(first, lambda player: player.reboot("A"))
    yield "back", found
    need(found)
    yield "host keys", keep_host_keys(actors, first)


def _have_package(players: list[Player]) -> Finding:
    said = {player.node.name: player.running.ask(f"dpkg-query --show {PACKAGE}").text for player in players}
    wrong = [f"{name}: {text}" for name, text in said.items() if not text.startswith(f"{PACKAGE}\t")]
    return Finding("; ".join(" ".join(text.split()) for text in said.values()), tuple(wrong))


def _confirmed(actors: Actors) -> Finding:
    """Whether the nodes' own reports end the trial of the update."""
    deadline = time.monotonic() + SECONDS_TO_CONFIRM
    while (serving := actors.serving())["trial"]:
        if time.monotonic() > deadline:
            return Finding("", (f"the trial goes on after {SECONDS_TO_CONFIRM:.0f} s: {serving['trial']}",))
        actors.commands.try_site("confirm", "--due")
        time.sleep(SECONDS_BETWEEN_CONFIRMS)
    wanted = {player.node.name: actors.version("B") for player in actors.canary}
    saw = ", ".join(f"{name}: {version}" for name, version in serving["nodes"].items())
    return Finding(saw, () if serving["nodes"] == wanted else (f"nodes have {saw or 'nothing of their own'}",))


SCENES: tuple[Scene[Actors], ...] = (
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
        ("nfsroot-site rollback NAME", "one of the nodes starts anew"),
        (
            Claim("menus", "each node's menu loads A first"),
            Claim("back", "the node runs A again and passes every check of the lab"),
            Claim("host keys", "it has the ssh host keys that it had"),
        ),
        _roll_back,
    ),
)  # fmt: skip
"""The scenes with two releases of one recipe."""
