"""What each key of a recipe changes: the steps that need it, and no others."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
from archive_index import write_index
from layouts import layout_of
from made_up import STEPS, changed, known, made_up, make
from pydantic import BaseModel
from recording_engine import RecordingEngine
from step_contexts import context_of

from builder.boot import nic_drivers
from builder.boot.initramfs import configuration
from builder.debian.archive import INDEX, Archive
from builder.overlay import render as overlay
from builder.recipe.choices import (
    Access,
    DhcpServer,
    ImageFormat,
    NfsServer,
    RootKind,
    RootTransport,
    TftpServer,
    Transport,
    Variant,
    WritableKind,
)
from builder.recipe.element_models import Element
from builder.recipe.models import Kerrighed, Node, Recipe, WritableDirectory
from builder.recipe.place import Place
from builder.server import bundle
from builder.tree.base import BASE
from builder.tree.build import TREE

SHADOW = "root:*:20000:0:99999:7:::\n"

EVERYTHING = {"base", "tree", "initramfs", "nic-drivers", "overlay", "server-bundle"}
EVERYTHING_OF_A_TREE = EVERYTHING - {"base"}
CLUSTER = {"overlay", "server-bundle"}
ELEMENT = Element(name="nfsroot", path=Path(__file__).parents[3] / "elements/nfsroot", description="")

FIELDS: dict[str, tuple[Any, set[str]]] = {
    "files": ((Path("recipes/yours.toml"),), CLUSTER),
    "image.name": ("yours", CLUSTER),
    "image.version": ("2.0", set()),
    "image.description": ("Yours", CLUSTER),
    "debian.suite": ("bookworm", EVERYTHING),
    "debian.architecture": ("arm64", EVERYTHING),
    "debian.components": (("main", "contrib"), EVERYTHING),
    "debian.mirror": ("http://mirror.example/debian", EVERYTHING),
    "debian.security_mirror": ("http://mirror.example/debian-security", EVERYTHING),
    "debian.packages": (("nano", "vim"), EVERYTHING_OF_A_TREE),
    "debian.accounts": ({"munge": 900}, EVERYTHING),
    "kernel.package": ("linux-image-cloud-amd64", EVERYTHING),
    "kernel.arguments": (("debug",), {"server-bundle"}),
    "initramfs.modules": (("squashfs",), {"initramfs", "server-bundle"}),
    "initramfs.nic_drivers": (("tg3",), {"nic-drivers", "server-bundle"}),
    "initramfs.compression": ("xz", {"initramfs", "nic-drivers", "server-bundle"}),
    "initramfs.compression_level": (3, {"initramfs", "nic-drivers", "server-bundle"}),
    "root.path": ("/NFSROOT/yours", CLUSTER),
    "root.kind": (RootKind.IMAGE, {"initramfs", *CLUSTER}),
    "root.transport": (RootTransport.HTTP, {"initramfs", *CLUSTER}),
    "root.format": (ImageFormat.EROFS, CLUSTER),
    "root.access": (Access.READ_WRITE, CLUSTER),
    "root.writable": ((WritableDirectory(path="/var", kind=WritableKind.SHARED),), CLUSTER),
    "root.nfs_version": (4, {"initramfs", *CLUSTER}),
    "root.state": ("/srv/state", CLUSTER),
    "root.isolate": (True, CLUSTER),
    "boot.variants": ((Variant.I386_PC, Variant.SECURE_BOOT), {"pxegrub", "server-bundle"}),
    "boot.uefi": (Variant.X86_64_EFI, {"server-bundle"}),
    "boot.transport": (Transport.HTTP, CLUSTER),
    "boot.timeout_seconds": (9, {"server-bundle"}),
    "boot.serial": ("ttyS1,9600", {"server-bundle"}),
    "boot.panic_seconds": (0, {"server-bundle"}),
    "login.root_password_hash": ("$y$j9T$salt$hash", {"overlay"}),
    "login.ssh_keys": (("ssh-ed25519 AAAA me",), {"overlay"}),
    "logs.server": (IPv4Address("192.168.0.1"), EVERYTHING_OF_A_TREE),
    "ports": (("9100/tcp",), set()),
    "kerrighed.session_id": (2, CLUSTER),
    "kerrighed.node_ids": ({"ssi1": 7}, CLUSTER),
    "kerrighed.cluster_file": (False, CLUSTER),
    "elements": ((*made_up().elements, ELEMENT), EVERYTHING_OF_A_TREE),
    "element_directories": ((Path("elements"),), set()),
    "variables": ({"nfsroot": {"SIZE": 3}}, EVERYTHING_OF_A_TREE),
    "environment": ({"SIZE": "3"}, EVERYTHING_OF_A_TREE),
    "cluster.name": ("yours", CLUSTER),
    "cluster.domain": ("yours.home", CLUSTER),
    "cluster.subnet": (IPv4Network("192.168.0.0/25"), CLUSTER),
    "cluster.gateway": (None, CLUSTER),
    "cluster.broadcast": (IPv4Address("192.168.0.127"), CLUSTER),
    "cluster.dns": ((), CLUSTER),
    "left_out": (("netbase",), set()),
    "places": ({"nano": (Path("recipes/mine.toml"), 4, 13)}, set()),
    "cluster.ntp": ((), CLUSTER),
    "cluster.server.name": ("other", CLUSTER),
    "cluster.server.address": (IPv4Address("192.168.0.2"), CLUSTER),
    "cluster.server.interface": ("eth1", CLUSTER),
    "cluster.server.dhcp": (DhcpServer.KEA, CLUSTER),
    "cluster.server.tftp": (TftpServer.DNSMASQ, CLUSTER),
    "cluster.server.nfs": (NfsServer.GANESHA, CLUSTER),
    "cluster.nic_places": ({"igc": Place(Path("yours.toml"), 1, 1)}, set()),
    "notices": (("mine.toml:1:1: access is called login now",), set()),
    "module_places": ({"igb": Place(Path("yours.toml"), 1, 1)}, set()),
    "cluster.nodes": (
        (Node(name="ssi2", address=IPv4Address("192.168.0.102"), mac="52:54:00:00:01:02", ordinal=1),),
        CLUSTER,
    ),
}
"""Another value of every key of a resolved recipe, and the steps that must run anew for it."""


def leaves(model: BaseModel, prefix: str = "") -> set[str]:
    """Dotted paths of a model's fields, down to what is no model."""
    found: set[str] = set()
    for name in type(model).model_fields:
        value = getattr(model, name)
        path = f"{prefix}{name}"
        found |= leaves(value, f"{path}.") if isinstance(value, BaseModel) else {path}
    return found


def keys(recipe: Recipe, **changes: Any) -> dict[str, str | None]:
    """Key of each step."""
    return {step.name: step.key for step in make(recipe, known(**changes)).steps}


def differing(one: dict[str, str | None], other: dict[str, str | None]) -> set[str]:
    """Names of the steps whose keys differ."""
    return {name for name in STEPS if one[name] != other[name]}


def test_table_is_complete() -> None:
    """A new key of the recipe language must say here which steps it changes."""
    assert set(FIELDS) == leaves(made_up())


@pytest.mark.parametrize("field", FIELDS)
def test_field_changes_its_steps_and_no_others(field: str) -> None:
    """A changed key of a recipe costs exactly the steps that depend on it."""
    value, steps = FIELDS[field]
    assert differing(keys(made_up()), keys(changed(made_up(), field, value))) == steps


def test_nic_costs_an_archive() -> None:
    """A node that says what its card is costs an archive with that driver, and leaves tree and initramfs alone."""
    nodes = tuple(node.model_copy(update={"nic": "igc"}) for node in made_up().cluster.nodes)
    after = keys(changed(made_up(), "cluster.nodes", nodes))
    assert differing(keys(made_up()), after) == {"nic-drivers", *CLUSTER}


@pytest.mark.parametrize(
    "field", [field for field in FIELDS if field.split(".")[0] in ("cluster", "login", "kerrighed")]
)
def test_nothing_of_the_cluster_reaches_the_tree(field: str) -> None:
    """Whatever changes in the cluster, in who may log in or for Kerrighed: tree, initramfs and pxegrub stay."""
    value, _ = FIELDS[field]
    before, after = (make(recipe, known()) for recipe in (made_up(), changed(made_up(), field, value)))
    for name in ("tree", "initramfs", "pxegrub"):
        assert before.step(name) == after.step(name)


def test_kerrighed_as_a_whole_is_the_clusters() -> None:
    """A recipe that takes [kerrighed] away keeps its tree."""
    assert differing(keys(made_up()), keys(changed(made_up(), "kerrighed", None))) == CLUSTER
    assert Kerrighed() == made_up().kerrighed


@pytest.mark.parametrize("field", FIELDS)
def test_what_changes_a_file_changes_its_key(field: str) -> None:
    """When a rendered file or the initramfs's configuration changes, the key of its step does too."""
    value, steps = FIELDS[field]
    before, after = made_up(), changed(made_up(), field, value)
    if overlay.render(layout_of(before), SHADOW) != overlay.render(layout_of(after), SHADOW):
        assert "overlay" in steps
    if bundle.render(layout_of(before)) != bundle.render(layout_of(after)):
        assert "server-bundle" in steps
    if configuration(before.initramfs, before.root) != configuration(after.initramfs, after.root):
        assert "initramfs" in steps
    if nic_drivers.configuration(before) != nic_drivers.configuration(after):
        assert "nic-drivers" in steps


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An archive that has every package of the recipes here."""
    names = {*made_up().packages, *changed(made_up(), "debian.packages", ("vim",)).packages, "linux-image-cloud-amd64"}
    write_index(tmp_path, names)
    return Archive("b" * 24, datetime(2025, 11, 15, tzinfo=UTC), tmp_path, tmp_path / INDEX)


def jobs(recipe: Recipe, archive: Archive, room: Path) -> dict[str, Any]:
    """What the steps that render nothing hand to their jobs: commands, environments and inputs."""
    room.mkdir(parents=True)
    engine = RecordingEngine()
    context = context_of(recipe, engine, room, archive=archive, objects={"base": room / "base"})
    BASE.make(context, room)
    TREE.make(context, room)
    return {
        name: (job.argv, job.environment, job.network, {at: str(path.name) for at, path in job.inputs.items()})
        for name, job in zip(("base", "tree"), engine.jobs, strict=True)
    }


@pytest.mark.parametrize("field", FIELDS)
def test_what_changes_a_job_changes_its_key(field: str, archive: Archive, tmp_path: Path) -> None:
    """The keys of base and tree hold no code that reads recipes: for that each value in a job is among their inputs."""
    value, steps = FIELDS[field]
    before, after = made_up(), changed(made_up(), field, value)
    for name, job in jobs(before, archive, tmp_path / "before").items():
        if job != jobs(after, archive, tmp_path / f"after-{name}")[name]:
            assert name in steps


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        ({"archive": "c" * 24}, EVERYTHING),
        ({"source_date": 1}, EVERYTHING),
        ({"image": "c" * 24}, set(STEPS)),
    ],
)
def test_the_world_changes_its_steps(change: dict[str, Any], steps: set[str]) -> None:
    """Another state of the archive, another time or another builder image is another tree."""
    assert differing(keys(made_up()), keys(made_up(), **change)) == steps


def test_element_counts_by_its_content(tmp_path: Path) -> None:
    """A changed file of an element changes the tree, wherever the element stands."""
    found = []
    for place, text in (("one", "a"), ("two", "a"), ("three", "b")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "hook").write_text(text)
        element = Element(name="mine", path=tmp_path / place, description="")
        found.append(keys(changed(made_up(), "elements", (element,)))["tree"])
    assert found[0] == found[1] != found[2]


def test_text_of_an_element_changes_no_step(tmp_path: Path) -> None:
    """A README and what an element.toml says of the element cost no tree; what the manifest says is the release's."""
    (tmp_path / "hook").write_text("#!/bin/sh\n")
    element = Element(name="debian-root", path=tmp_path, description="")
    before = make(changed(made_up(), "elements", (element,)), known())
    (tmp_path / "README.rst").write_text("What it does\n")
    (tmp_path / "element.toml").write_text('description = "What it does"\n')
    assert make(changed(made_up(), "elements", (element,)), known()) == before
    described = element.model_copy(update={"description": "What it does"})
    after = make(changed(made_up(), "elements", (described,)), known())
    assert after.steps == before.steps
    assert after.content != before.content


def test_two_recipes_have_two_contents() -> None:
    """Recipes that differ in their names only do not share a release."""
    one, other = (make(changed(made_up(), "image.name", name), known()) for name in ("one", "other"))
    assert one.content != other.content


def test_image_is_the_trees() -> None:
    """An image has a step of its own, which depends on the tree and on the image's format, and on no cluster."""
    image = changed(made_up(), "root.kind", RootKind.IMAGE)
    erofs = changed(image, "root.format", ImageFormat.EROFS)
    other = changed(image, "cluster.domain", "yours.home")
    assert [step.name for step in make(image, known()).steps][:3] == ["base", "tree", "root-image"]
    assert keys(image)["tree"] == keys(made_up())["tree"]
    assert differing(keys(image), keys(erofs)) == {"initramfs", *CLUSTER}
    assert keys(image)["root-image"] != keys(erofs)["root-image"]
    assert keys(image)["root-image"] == keys(other)["root-image"]
    assert keys(image)["root-image"] != keys(image, archive="c" * 24)["root-image"]
