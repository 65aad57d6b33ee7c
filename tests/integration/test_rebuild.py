"""Builds after a first one: what is done again, and what is not."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Project
from tarball import members, root_tarball

from builder.release.manifest import FILE, SUMS, Manifest
from builder.release.verdict import REPORT
from builder.tree.owned_paths import OWNED_PATHS

pytestmark = pytest.mark.container

ALL = ("base", "tree", "initramfs", "nic-drivers", "pxegrub")


def test_nothing_changed(tiny: Project) -> None:
    """A build whose inputs are unchanged finds its release, runs no step and changes no file."""
    before = {path: path.stat().st_mtime_ns for path in tiny.output.rglob("*")}
    done = tiny.build()
    assert done.status == 0
    assert done.started == []
    assert done.events[-1]["found"] is True
    assert "Nothing changed" in done.events[-1]["lines"][0]
    assert {path: path.stat().st_mtime_ns for path in tiny.output.rglob("*")} == before


def test_node_added(project: Callable[..., Project], tiny: Project) -> None:
    """One more node changes the overlay's files and the bundle; tree, initramfs and loaders are the same objects."""
    made = project(*ALL)
    objects = {path: path.resolve().stat().st_mtime_ns for path in made.cache.glob("objects/*")}
    made.tiny(nodes=2)
    done = made.build()
    assert done.status == 0, done.errors
    assert done.started == ["overlay", "server-bundle", "release"]
    assert {path: path.resolve().stat().st_mtime_ns for path in made.cache.glob("objects/*")} == objects

    old, new = (dict(members(root_tarball(release))) for release in (tiny.release, made.release))
    changed = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    assert changed == {"etc/hosts"}
    assert changed <= OWNED_PATHS
    before, after = Manifest.read(tiny.release), Manifest.read(made.release)
    differing = {file.path for file in set(before.files) ^ set(after.files)}
    stem = f"tiny-{after.version}"
    assert differing == {f"{stem}-root.tar.zst", f"{stem}-server.tar.gz", "tree.tsv.zst"}
    known = {part.sha256 for file in before.files for part in file.parts}
    new = {part.sha256: part.size for file in after.files for part in file.parts if part.sha256 not in known}
    assert sum(new.values()) + sum((made.release / name).stat().st_size for name in (FILE, SUMS)) <= 100_000


def test_package_added(project: Callable[..., Project], tiny: Project) -> None:
    """Of what a server gets, another package changes menus, exports and the release's own files.

    No server has to be restarted; README, install.sh and settings.json stay in the bundle.
    """
    made = project("base", "pxegrub")
    made.tiny(packages=["bc"])
    done = made.build("--version=later")
    assert done.status == 0, done.errors
    old, new = (server_bundle(release) for release in (tiny.release, made.release))
    assert "srv/tftp/tiny/later/vmlinuz-" in " ".join(new)
    for_people_and_sites = {"README", "install.sh", "settings.json"}
    changed = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)} - for_people_and_sites
    before = Manifest.read(tiny.release).version
    own = (
        "etc/exports.d/",
        "etc/ganesha/exports.d/",
        "srv/tftp/grub/",
        f"srv/tftp/tiny/{before}",
        "srv/tftp/tiny/later",
    )
    assert {path for path in changed if not path.startswith(own)} == set()
    assert {"etc/dhcp/dhcpd.conf", "etc/kea/kea-dhcp4.conf", "etc/dnsmasq.d/nfsroot-dhcp.conf"} <= old.keys() - changed


def server_bundle(release: Path) -> dict[str, tuple[bytes, bytes]]:
    """The type and the content of each entry of a release's server bundle, by its path."""
    (file,) = release.glob("*-server.tar.gz")
    with tarfile.open(file) as archive:
        return {info.name: (info.type, _content(archive, info)) for info in archive}


def _content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(info)
    return file.read() if file else b""


def test_plan_says_why(project: Callable[..., Project]) -> None:
    """`nfsroot plan` says of each step whether it would run and why, and runs none."""
    made = project(*ALL)
    assert made.build().status == 0
    made.tiny(nodes=2)
    plan = made.run("plan", "tiny", "--json", f"--cache-dir={made.cache}")
    assert plan.status == 0, plan.errors
    steps = {step["name"]: step for step in json.loads(plan.out)["steps"]}
    assert [name for name, step in steps.items() if step["reuse"]] == list(ALL)
    assert "node" in steps["overlay"]["reason"] and "node" in steps["server-bundle"]["reason"]
    assert len(list(made.output.glob("*/*"))) == 1


def test_second_release_of_one_day(project: Callable[..., Project]) -> None:
    """A release of other content gets a name that is free; what stood in the output directory stays as it is.

    Under sudo the new release is the caller's, and so is nothing else.  With a node more it leans on the first one's
    verdict.
    """
    made = project(*ALL)
    assert made.build().status == 0
    first = made.release
    digest = hashlib.sha256((first / "manifest.json").read_bytes()).digest()
    other = first.with_name(f"{first.name}.1")
    (other / "data").mkdir(parents=True)
    made.tiny(nodes=2)
    assert made.build(env={"SUDO_UID": "1234", "SUDO_GID": "4321"}).status == 0
    second = first.with_name(f"{first.name}.2")
    assert set(made.output.glob("*/*")) == {first, other, second}
    assert hashlib.sha256((first / "manifest.json").read_bytes()).digest() == digest
    owners = {path: path.stat().st_uid for path in (made.output, *made.output.rglob("*"))}
    new = {path for path in owners if path.is_relative_to(second)}
    assert {path for path, owner in owners.items() if owner == 1234} == new
    assert {owners[path] for path in owners.keys() - new} == {0}

    (first / REPORT).write_text(json.dumps({"verdict": "passed", "manifest": digest.hex()}))
    (listed,) = [line for line in made.run("list").out.splitlines() if f"/{second.name} " in line]
    assert f"lab: proved: same tree as {first.name}, which passed; root.tar.zst, server.tar.gz" in listed


def test_version_that_is_taken(project: Callable[..., Project]) -> None:
    """A version that holds something else is never given again."""
    made = project(*ALL)
    assert made.build("--version=1.0").status == 0
    made.tiny(nodes=2)
    message = made.build("--version=1.0").refusal(status=2)
    assert "release 1.0 exists and holds something else" in message
    assert Manifest.read(made.release).version == "1.0"
