"""What is exported, by the kernel's server and by nfs-ganesha."""

from __future__ import annotations

import re
import uuid

import pytest
from layouts import layout_of
from server_recipes import SHARED, statements, texts, with_root

from builder.recipe.models import Recipe
from builder.server.bundle import settings
from builder.server.nfs import exports, state_exports
from builder.settings.exports import Export, ganesha_ids


def test_read_only_root_is_exported_with_its_shared_directories(debian: Recipe) -> None:
    """The root is exported read-only and each shared directory read-write, to the cluster's subnet alone."""
    lines = statements(
        texts(settings(layout_of(with_root(debian, writable=SHARED))))["etc/exports.d/debian-nfsroot-1.0.exports"]
    )
    assert [re.sub("fsid=[^)]*", "fsid", line) for line in lines] == [
        "/NFSROOT/debian-nfsroot/1.0 192.168.0.0/24(ro,async,no_root_squash,no_subtree_check,fsid)",
        "/NFSROOT/debian-nfsroot/1.0/var 192.168.0.0/24(rw,sync,no_root_squash,no_subtree_check,fsid)",
        "/NFSROOT/debian-nfsroot/1.0/root 192.168.0.0/24(rw,sync,no_root_squash,no_subtree_check,fsid)",
    ]


def test_nfs_version_4_exports_nothing_within_an_export(debian: Recipe) -> None:
    """With NFSv4 no export lies in another: its clients walk through the outer one and would stay there."""
    paths = [export.path for export in exports(layout_of(with_root(debian, nfs_version=4, writable=SHARED)))]
    assert paths == [f"/NFSROOT/debian-nfsroot/{path}" for path in ("1.0", "1.0.shared/var", "1.0.shared/root")]
    ganesha = {
        version: texts(settings(layout_of(with_root(debian, nfs_version=version))))["etc/ganesha/ganesha.conf"]
        for version in (3, 4)
    }
    assert "    Protocols = 3, 4;\n" in ganesha[3]
    assert "    Protocols = 4;\n" in ganesha[4]
    assert all("    Minor_Versions = 0, 1;\n" in text for text in ganesha.values())


def test_read_write_root_is_one_export(kerrighed: Recipe) -> None:
    """A root that nodes mount read-write is a single export, whose writes are answered from the disk."""
    (line,) = statements(texts(settings(layout_of(kerrighed)))["etc/exports.d/kerrighed-1.0.exports"])
    assert re.sub("fsid=[^)]*", "fsid", line) == (
        "/NFSROOT/kerrighed/1.0 192.168.0.0/24(rw,sync,no_root_squash,no_subtree_check,fsid)"
    )


def test_every_export_has_an_fsid_of_its_own(debian: Recipe) -> None:
    """Exports of one and of another release differ in fsid, and the same export keeps it."""
    ids = [
        export.fsid
        for version in ("1.0", "2.0")
        for export in exports(layout_of(with_root(debian, writable=SHARED), version))
    ]
    assert len(set(ids)) == len(ids) == 6
    assert ids[:3] == [export.fsid for export in exports(layout_of(with_root(debian, writable=SHARED)))]


@pytest.mark.parametrize("name", ["debian", "kerrighed"])
def test_ganesha_exports_the_same(name: str, request: pytest.FixtureRequest) -> None:
    """nfs-ganesha has a block for each line of exports(5), with the same path, network and access."""
    recipe: Recipe = request.getfixturevalue(name)
    files = texts(settings(layout_of(recipe)))
    stem = f"{recipe.image.name}-1.0"
    lines = statements(files[f"etc/exports.d/{stem}.exports"])
    blocks = files[f"etc/ganesha/exports.d/{stem}.conf"].split("EXPORT {\n")[1:]
    client = re.compile(r"CLIENT { Clients = (\S+); Access_Type = (R[OW]); Squash = No_Root_Squash; }")
    assert [
        (re.findall('Path = "(.*)";', block), re.findall('Pseudo = "(.*)";', block), *client.findall(block))
        for block in blocks
    ] == [
        ([path], [path], (network, access.upper()))
        for path, network, access in (re.findall(r"(\S+) (.*)\((..),", line)[0] for line in lines)
    ]
    assert all("    Access_Type = None;\n" in block for block in blocks)


def test_ganesha_reads_the_exports_of_every_release(debian: Recipe) -> None:
    """The one file that ganesha is given includes those of all releases; it exports nothing by itself."""
    text = texts(settings(layout_of(debian)))["etc/ganesha/ganesha.conf"]
    assert '\n%dir "/etc/ganesha/exports.d"\n' in text
    assert "EXPORT" not in text


def test_export_ids_are_numbers_of_their_own(debian: Recipe) -> None:
    """Export_Ids lie in 1..65535, differ within a release, and an export keeps its own."""
    many = tuple(Export(f"/{n}", "192.168.0.0/24", False, uuid.UUID(int=n * 65_535)) for n in range(50))
    ids = ganesha_ids(many)
    assert len(set(ids.values())) == 50
    assert all(1 <= number <= 65_535 for number in ids.values())
    made = exports(layout_of(with_root(debian, writable=SHARED)))
    assert ganesha_ids(made) == ganesha_ids(tuple(reversed(made)))


STATE = "/NFSROOT/debian-nfsroot/state"


def test_state_is_exported_without_a_version(debian: Recipe) -> None:
    """What outlives releases has settings of its own, which are the next release's too, byte for byte."""
    files, later = (texts(settings(layout_of(debian, version))) for version in ("1.0", "2.0"))
    for path in ("etc/exports.d/debian-nfsroot-state.exports", "etc/ganesha/exports.d/debian-nfsroot-state.conf"):
        assert files[path] == later[path]
    lines = statements(files["etc/exports.d/debian-nfsroot-state.exports"])
    assert [re.sub("fsid=[^)]*", "fsid", line) for line in lines] == [
        f"{STATE}/all 192.168.0.0/24(rw,sync,no_root_squash,no_subtree_check,fsid)",
        f"{STATE}/nodes 192.168.0.0/24(rw,sync,no_root_squash,no_subtree_check,fsid)",
    ]


def test_isolated_state_is_exported_to_its_node(debian: Recipe) -> None:
    """With isolate each node's directory is exported to its address alone, and to the subnet only what all share."""
    exported = {export.path: export.clients for export in state_exports(with_root(debian, isolate=True))}
    nodes = {f"{STATE}/nodes/{node.name}": str(node.address) for node in debian.cluster.nodes}
    assert exported == {f"{STATE}/all": "192.168.0.0/24", **nodes}


def test_numbers_of_state_and_release_differ(debian: Recipe) -> None:
    """No two exports that stand on a server together have one Export_Id, and the release changes none of state's."""
    recipe = with_root(debian, isolate=True)
    state, release = state_exports(recipe), exports(layout_of(recipe))
    ids = ganesha_ids((*state, *release))
    assert len(set(ids.values())) == len(state) + len(release)
    assert ganesha_ids(state).items() <= ids.items()


def test_recipe_without_state(kerrighed: Recipe) -> None:
    """A release that is the state itself has no settings for any other."""
    assert not [path for path in texts(settings(layout_of(kerrighed))) if "-state" in path]
