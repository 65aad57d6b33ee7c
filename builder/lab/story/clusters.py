"""The last scenes of the story `update`: the server serves a second cluster on another network, and then not."""

from __future__ import annotations

from builder.lab.checks.model import Finding
from builder.lab.story.findings import check_roots
from builder.lab.story.scene import Claim, Findings, Scene
from builder.lab.story.stage_server import STORE
from builder.lab.story.story import Story
from builder.lab.story.update import PUBLISH

NO_SETTINGS = ("etc/init.d/*", "etc/nfsroot-lab/*", "etc/mtab")
"""Files of the lab's own, and the kernel's list of mounts."""

SETTINGS = " ".join(
    (
        "cd / && find -L etc srv/tftp/grub -type f",
        *(f"! -path '{path}'" for path in NO_SETTINGS),
        "-exec sha256sum {} + | sort -k 2",
    )
)
"""Prints the digests of all settings and menus of the server."""


def _add(story: Story) -> Findings:
    typed, other = story.commands, story.stage.releases["other"]
    story.settings_before = typed.ask("sh", "-c", SETTINGS)
    typed.nfsroot(*PUBLISH, story.stage.directory_of("other"))
    typed.site("unpack", story.reference("other"), "--from", STORE)
    typed.site("switch", other.manifest.name, other.manifest.version)
    first = story.find_node("other", other.recipe.cluster.nodes[0].name)
    yield "other", Finding(first.node.name, tuple(first.boot("other")))
    again = story.canary[-1]
    yield "first", Finding(again.node.name, tuple(again.reboot("A")))


def _remove(story: Story) -> Findings:
    typed, other = story.commands, story.stage.releases["other"]
    story.find_node("other", other.recipe.cluster.nodes[0].name).power_off()
    # A node whose power was cut says no farewell: for half an hour its last report counts.
    typed.site("remove", other.manifest.name, "--force")
    left = [path for path in (story.root("other"), f"/srv/tftp/{other.manifest.name}") if story.exists(path)]
    yield "gone", Finding("none of its directories is left", tuple(f"{path} is there" for path in left))
    yield "gone", compare_settings(story.settings_before, typed.ask("sh", "-c", SETTINGS))
    yield "untouched", check_roots(story, story.first_cluster, "A")
    again = story.canary[-1]
    yield "untouched", Finding(again.node.name, tuple(again.reboot("A")))


def compare_settings(before: str, after: str) -> Finding:
    """Compare settings and menus of the server; `before` and `after` are outputs of SETTINGS."""
    changed = sorted({line.split()[-1] for line in set(before.splitlines()) ^ set(after.splitlines())})
    return Finding(f"{len(after.splitlines())} files as before", tuple(f"/{path} differs" for path in changed))


SCENES: tuple[Scene[Story], ...] = (
    Scene(
        "second cluster",
        "The server gets a second cluster, on a network of its own.",
        ("nfsroot publish OTHER --to STORE", "nfsroot-site unpack OTHER --from STORE", "nfsroot-site switch OTHER",
         "a node of each cluster boots"),
        (
            Claim("other", "the node of the second cluster boots and passes every check of the lab"),
            Claim("first", "the node of the first one does, too"),
        ),
        _add,
        ("other",),
    ),
    Scene(
        "remove",
        "The second cluster goes away again.",
        ("the power of its node is cut", "nfsroot-site remove OTHER --force",
         "a node of the first cluster starts anew"),
        (
            Claim("gone", "roots, kernels, menus and settings of the second cluster are gone"),
            Claim("untouched", "the nodes of the first cluster run on, and boot"),
        ),
        _remove,
    ),
)  # fmt: skip
"""The scenes with two clusters."""
