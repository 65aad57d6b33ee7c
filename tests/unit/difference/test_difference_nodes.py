"""Which nodes change at their next boot, and in what."""

from __future__ import annotations

from made_releases import Compare, Made, package, with_changes

from builder.difference.compare import Difference
from builder.difference.listing import Change
from builder.recipe.choices import Access, WritableKind
from builder.recipe.models import Recipe, WritableDirectory


def aspects(difference: Difference, node: str = "ssi1") -> dict[str, tuple[str, str]]:
    """In what a node differs."""
    assert difference.nodes
    groups = [group for group in difference.nodes.groups if node in group.nodes]
    return {aspect.what: (aspect.before, aspect.after) for group in groups for aspect in group.aspects}


def test_same_recipe_in_another_version(compared: Compare, kerrighed: Recipe) -> None:
    """A release with another version only changes no node, although each of its files names the version."""
    difference = compared(Made(kerrighed, "1.0"), Made(kerrighed, "2.0"))
    assert difference.is_empty
    assert difference.nodes
    assert difference.nodes.same == ("ssi1", "ssi2", "ssi3", "ssi4")
    assert difference.bundle.names_only > 0


def test_node_added_removed_and_moved(compared: Compare, debian: Recipe) -> None:
    """A node that comes or goes has no aspects; one with another card and address has both."""
    one, two, three, four = debian.cluster.nodes
    five = four.model_copy(update={"name": "ssi5"})
    moved = two.model_copy(update={"mac": "52:54:00:00:09:09", "address": "192.168.0.99"})
    changed = with_changes(debian, cluster__nodes=(one, moved, three, five))
    difference = compared(Made(debian, "1.0"), Made(Recipe.model_validate(changed.model_dump()), "2.0"))
    assert difference.nodes
    changes = {node: group.change for group in difference.nodes.groups for node in group.nodes}
    assert (changes["ssi5"], changes["ssi4"], changes["ssi2"]) == (Change.ADDED, Change.REMOVED, Change.CHANGED)
    assert aspects(difference, "ssi2")["address"] == ("192.168.0.102", "192.168.0.99")
    assert aspects(difference, "ssi2")["MAC address"] == ("52:54:00:00:01:02", "52:54:00:00:09:09")
    assert aspects(difference, "ssi1") == {"overlay": ("", "etc/hosts")}


def test_kernel_initramfs_and_loader(compared: Compare, debian: Recipe) -> None:
    """Each file that a node loads is an aspect of its own, and menus that name the kernel are none."""
    after = Made(debian, "2.0", kernel="6.12.2-amd64", initramfs=b"other", loader=b"other")
    found = aspects(compared(Made(debian, "1.0"), after))
    assert found == {
        "kernel": ("6.12.1-amd64", "6.12.2-amd64"),
        "initramfs": ("", "another file"),
        "boot loader": ("", "pxegrub.i386-pc"),
    }


def test_kernel_line(compared: Compare, kerrighed: Recipe) -> None:
    """An argument that all nodes get is one group, although each has a node_id of its own."""
    after = with_changes(kerrighed, kernel__arguments=("nosmt",), boot__panic_seconds=5)
    difference = compared(Made(kerrighed, "1.0"), Made(after, "2.0"))
    assert difference.nodes
    (group,) = difference.nodes.groups
    assert group.nodes == ("ssi1", "ssi2", "ssi3", "ssi4")
    assert aspects(difference) == {"kernel line": ("panic=30", "panic=5 nosmt")}


def test_number_of_a_node(compared: Compare, kerrighed: Recipe) -> None:
    """A node with another number is told with both."""
    after = with_changes(kerrighed, kerrighed__node_ids={"ssi1": 77})
    difference = compared(Made(kerrighed, "1.0"), Made(after, "2.0"))
    assert aspects(difference)["node_id"] == ("1", "77")
    assert "node_id" not in aspects(difference, "ssi2")


def test_menu(compared: Compare, debian: Recipe) -> None:
    """A menu that waits longer differs in its text."""
    difference = compared(Made(debian, "1.0"), Made(with_changes(debian, boot__timeout_seconds=9), "2.0"))
    assert aspects(difference) == {"menu": ("", "other text")}


def test_writable_directories(compared: Compare, debian: Recipe) -> None:
    """Each directory that nodes may write to is told with its kind before and after."""
    writable = (
        WritableDirectory(path="/tmp", kind=WritableKind.TMPFS, size_mib=64),
        WritableDirectory(path="/var", kind=WritableKind.NODE),
        WritableDirectory(path="/root", kind=WritableKind.PERSISTENT),
    )
    found = aspects(compared(Made(debian, "1.0"), Made(with_changes(debian, root__writable=writable), "2.0")))
    assert found["writable /tmp"] == ("tmpfs", "tmpfs, 64 MiB")
    assert found["writable /home"] == ("persistent", "")
    assert found["overlay"] == ("", "etc/fstab, etc/nfsbooted/nfsbooted.conf")


def test_root(compared: Compare, debian: Recipe) -> None:
    """Files and packages of the tree are told in numbers, for all nodes alike."""
    before = Made(debian, "1.0", packages=[package("a", "1")], tree=[("usr/bin/a", 0o755, b"1", "a")])
    after = Made(debian, "2.0", packages=[package("a", "2")], tree=[("usr/bin/a", 0o755, b"2", "a")])
    assert aspects(compared(before, after)) == {"root": ("", "1 package, 1 file")}


def test_how_the_root_is_mounted(compared: Compare, debian: Recipe) -> None:
    """A root that nodes may write to is another root, and another kernel line."""
    after = with_changes(debian, root__access=Access.READ_WRITE, root__writable=())
    found = aspects(compared(Made(debian, "1.0"), Made(after, "2.0")))
    assert found["root access"] == ("ro", "rw")
    assert found["kernel line"][1].endswith("rw")
