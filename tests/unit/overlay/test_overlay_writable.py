"""Which directories are mounted, and where a node's state goes."""

from __future__ import annotations

import pytest
from layouts import layout_of
from overlay_recipes import recipe_of

from builder.overlay.writable import keys_outlive_releases, mounts, state_directory


def root(access: str, **kinds: str) -> dict[str, object]:
    """A root table with writable directories, `var_lib="tmpfs"` standing for /var/lib."""
    writable = [{"path": "/" + name.replace("_", "/"), "kind": kind} for name, kind in kinds.items()]
    return {"path": "/srv/root", "access": access, "writable": writable}


def test_parents_are_mounted_first() -> None:
    """A directory is mounted before those below it, in whatever order the recipe has them."""
    recipe = recipe_of(root=root("ro", var_tmp="tmpfs", var="shared"))
    assert [mount.path for mount in mounts(layout_of(recipe))] == ["/var", "/var/tmp"]


def test_shared_directory_is_below_the_release() -> None:
    """A shared directory is mounted from the release's own tree, by address."""
    (mount,) = mounts(layout_of(recipe_of(root=root("ro", var="shared"))))
    assert mount.device == "192.168.0.1:/srv/root/1.0/var"
    assert mount.options == "rw,hard,nolock,vers=3,_netdev"


def test_nfs_version_4_shares_from_beside_the_root() -> None:
    """With NFSv4 a shared directory is mounted from outside the release's root, which is an export of its own."""
    table = {**root("ro", var="shared"), "nfs_version": 4}
    (mount,) = mounts(layout_of(recipe_of(root=table)))
    assert mount.device == "192.168.0.1:/srv/root/1.0.shared/var"
    assert mount.options == "rw,hard,vers=4,_netdev"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (root("ro"), "/run/nfsbooted"),
        (root("ro", var="tmpfs"), "/run/nfsbooted"),
        (root("ro", var="shared"), "/var/lib/nfsbooted"),
        (root("ro", var="shared", var_lib="tmpfs"), "/run/nfsbooted"),
        (root("ro", var="tmpfs", var_lib_nfsbooted="shared"), "/var/lib/nfsbooted"),
        (root("ro", var="node"), "/var/lib/nfsbooted"),
        (root("ro", var="tmpfs", srv="node"), "/var/lib/nfsbooted"),
        (root("ro", var="tmpfs", srv="persistent"), "/run/nfsbooted"),
        (root("rw"), "/var/lib/nfsbooted"),
        (root("rw", var="tmpfs"), "/run/nfsbooted"),
    ],
)
def test_state_directory(table: dict[str, object], expected: str) -> None:
    """A node's state is on the server exactly where /var/lib/nfsbooted is."""
    assert state_directory(recipe_of(root=table)) == expected


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (root("ro", var="shared"), False),
        (root("ro", var="node"), True),
        (root("ro", var="shared", srv="node"), True),
        (root("ro", var="persistent"), True),
        (root("rw"), False),
    ],
)
def test_keys_that_outlive_releases(table: dict[str, object], expected: bool) -> None:
    """A node's keys stay where it has state of its own, or its /var does."""
    assert keys_outlive_releases(recipe_of(root=table)) is expected


def test_state_is_beside_the_releases() -> None:
    """A node's own directory is below its name, one for all below `all`, wherever the recipe says that state is."""
    recipe = recipe_of(root={**root("ro", var="node", home="persistent"), "state": "/srv/state"})
    assert {mount.path: mount.device for mount in mounts(layout_of(recipe))} == {
        "/home": "192.168.0.1:/srv/state/all/home",
        "/var": "192.168.0.1:/srv/state/nodes/NODE/var",
    }


def test_keys_apart_from_var() -> None:
    """Where /var is in memory, and a node has any state, its keys have a directory of their own in it."""
    recipe = recipe_of(root=root("ro", var="tmpfs", srv="node"))
    assert [(mount.path, mount.kind.value) for mount in mounts(layout_of(recipe))][1:] == [
        ("/var", "tmpfs"),
        ("/var/lib/nfsbooted", "node"),
    ]
