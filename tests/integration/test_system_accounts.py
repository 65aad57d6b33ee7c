"""Numbers of system accounts in trees that are built for real."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command import Project
from tarball import read, root_tarball

pytestmark = pytest.mark.container

FEW = ("chrony", "munge")
MANY = ("dnsmasq", "munge", "postfix", "sssd-common", "tcpdump", "chrony")
HOOK = """\
#!/bin/bash
# Make accounts in each of the ways that there are.
set -euo pipefail
adduser --quiet --system --group --home /var/lib/by-adduser by-adduser
useradd --system by-useradd
echo 'u by-sysusers - "of sysusers.d" /var/lib/by-sysusers' > /usr/lib/sysusers.d/site.conf
systemd-sysusers site.conf
install -d -o by-useradd -g by-useradd /var/lib/by-useradd
"""
OURS = ("by-adduser", "by-sysusers", "by-useradd")


def numbers(release: Path) -> dict[str, tuple[str, ...]]:
    """User and group of each system account of a release: `user NAME` and `group NAME` with their numbers."""
    found: dict[str, tuple[str, ...]] = {}
    for kind, path, count in (("user", "etc/passwd", 2), ("group", "etc/group", 1)):
        for line in read(root_tarball(release), path).decode().splitlines():
            name, _, *rest = line.split(":")
            if 100 <= int(rest[0]) < 1000:
                found[f"{kind} {name}"] = tuple(rest[:count])
    return found


@pytest.fixture(scope="module")
def prepare(stock: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Project]:
    """Prepares a project of a tiny recipe with these packages, and with a hook that makes accounts."""

    def made(packages: tuple[str, ...], numbers: str = "") -> Project:
        directory = tmp_path_factory.mktemp("accounts")
        project = Project(directory / "project", stock(directory / "cache", "pxegrub"))
        elements = ("debian-root", "nfsroot", "initramfs-nfs", "site")
        project.tiny(elements=elements, packages=("adduser", "systemd", *packages))
        recipe = project.directory / "recipes/tiny.toml"
        recipe.write_text(recipe.read_text().replace("[kernel]", f"{numbers}\n[kernel]"))
        hook = project.directory / "elements/site/post-install.d/50-accounts"
        hook.parent.mkdir(parents=True)
        hook.write_text(HOOK)
        hook.chmod(0o755)
        return project

    return made


@pytest.mark.full
def test_name_has_one_number_in_every_tree(prepare: Callable[..., Project]) -> None:
    """Whatever else is installed, in whatever order, and however accounts are made; no trace of those that are not."""
    few, many = prepare(FEW), prepare(MANY)
    for project in (few, many):
        done = project.build()
        assert done.status == 0, done.errors
    of_few, of_many = numbers(few.release), numbers(many.release)
    assert of_few.items() <= of_many.items()
    assert {f"user {name}" for name in ("_chrony", "munge", *OURS)} <= of_few.keys()
    assert {f"user {name}" for name in ("postfix", "dnsmasq", "sssd", "tcpdump")} <= of_many.keys() - of_few.keys()


def test_two_accounts_with_one_number(prepare: Callable[..., Project]) -> None:
    """A recipe's number that is another account's is refused, with both names and what to write."""
    said = prepare(("munge",), "accounts = { munge = 101 }").build().refusal()
    assert "the groups systemd-journal and munge would both have the number 101" in said.replace("\n", " ")
    assert "[debian]\naccounts = { NAME = NUMBER }" in said
