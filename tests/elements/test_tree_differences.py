"""What an element changes in a tree: exactly these paths, and no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tarball import Member, members, root_tarball

from builder.build import build
from builder.cache import Cache
from builder.container.sandbox import Sandbox
from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.tree.owned_paths import OWNED_PATHS
from builder.workspace import Workspace

pytestmark = pytest.mark.container

Contents = dict[str, Member]

RECIPE = """\
elements = ["debian-root", "nfsroot", "initramfs-nfs", "packages"{element}]

[kernel]
package = "linux-image-cloud-amd64"

[initramfs]
nic_drivers = ["virtio_net"]

[boot]
variants = ["i386-pc"]

[cluster]
name = "one"
domain = "one.example"
subnet = "192.0.2.0/24"
server = {{ name = "server", address = "192.0.2.1" }}
nodes = [{{ names = "node1", addresses = "192.0.2.11", macs = ["52:54:00:00:02:01"] }}]
"""
PACKAGES = """\
description = "The packages that the element nfsbooted asks for: they are in every tree's base, and make no difference"
packages = ["initramfs-tools", "netbase", "nfs-common", "openssh-server", "systemd-sysv", "systemd-timesyncd"]
"""

MASKED = Path(__file__).parents[2] / "elements/nfsbooted/nfsbooted-package/usr/share/nfsbooted/masked-units"

PACKAGE_NFSBOOTED = """
    etc/ssh/authorized_keys
    etc/ssh/sshd_config.d/nfsbooted.conf
    etc/systemd/system-generators
    etc/systemd/timesyncd.conf.d
    usr/lib/nfsbooted
    usr/lib/nfsbooted/netconsole
    usr/lib/nfsbooted/node.sh
    usr/lib/nfsbooted/prepare-node
    usr/lib/nfsbooted/release.list
    usr/lib/nfsbooted/report
    usr/lib/nfsbooted/seeds.list
    usr/lib/nfsbooted/ssh-host-keys
    usr/lib/nfsbooted/state.sh
    usr/lib/nfsbooted/trial
    usr/lib/sysctl.d/50-nfsbooted.conf
    usr/lib/systemd/journald.conf.d/nfsbooted.conf
    usr/lib/systemd/network/98-nfsbooted.link
    usr/lib/systemd/system/boot-complete.target.d
    usr/lib/systemd/system/boot-complete.target.d/nfsbooted.conf
    usr/lib/systemd/system/chrony.service.d
    usr/lib/systemd/system/chrony.service.d/nfsbooted.conf
    usr/lib/systemd/system/ifupdown-pre.service.d
    usr/lib/systemd/system/ifupdown-pre.service.d/nfsbooted-less-work.conf
    usr/lib/systemd/system/logrotate.service.d
    usr/lib/systemd/system/logrotate.service.d/nfsbooted.conf
    usr/lib/systemd/system/logrotate.timer.d
    usr/lib/systemd/system/logrotate.timer.d/nfsbooted.conf
    usr/lib/systemd/system/modprobe@.service.d
    usr/lib/systemd/system/modprobe@.service.d/nfsbooted-less-work.conf
    usr/lib/systemd/system/multi-user.target.wants/nfsbooted-logs.service
    usr/lib/systemd/system/multi-user.target.wants/nfsbooted-report.service
    usr/lib/systemd/system/networking.service.d
    usr/lib/systemd/system/networking.service.d/nfsbooted-less-work.conf
    usr/lib/systemd/system/nfsbooted-logs.service
    usr/lib/systemd/system/nfsbooted-netconsole.service
    usr/lib/systemd/system/nfsbooted-report.service
    usr/lib/systemd/system/nfsbooted-report.timer
    usr/lib/systemd/system/nfsbooted-ssh-host-keys.service
    usr/lib/systemd/system/nfsbooted-trial.service
    usr/lib/systemd/system/rsyslog.service.d
    usr/lib/systemd/system/rsyslog.service.d/nfsbooted.conf
    usr/lib/systemd/system/ssh.service.d
    usr/lib/systemd/system/ssh.service.d/nfsbooted-less-work.conf
    usr/lib/systemd/system/ssh.service.d/nfsbooted.conf
    usr/lib/systemd/system/ssh.socket.d
    usr/lib/systemd/system/ssh.socket.d/nfsbooted.conf
    usr/lib/systemd/system/sysinit.target.wants/nfsbooted-netconsole.service
    usr/lib/systemd/system/sysinit.target.wants/nfsbooted-trial.service
    usr/lib/systemd/system/syslog.socket.d
    usr/lib/systemd/system/syslog.socket.d/nfsbooted.conf
    usr/lib/systemd/system/systemd-random-seed.service.d
    usr/lib/systemd/system/systemd-random-seed.service.d/nfsbooted.conf
    usr/lib/systemd/system/systemd-tmpfiles-setup-dev.service.d
    usr/lib/systemd/system/systemd-tmpfiles-setup-dev.service.d/nfsbooted-less-work.conf
    usr/lib/systemd/system/systemd-udev-trigger.service.d
    usr/lib/systemd/system/systemd-udev-trigger.service.d/nfsbooted-less-work.conf
    usr/lib/systemd/system/systemd-udevd.service.d/nfsbooted-less-work.conf
    usr/lib/systemd/system/timers.target.wants/nfsbooted-report.timer
    usr/sbin/nfsbooted
    usr/share/doc/nfsbooted
    usr/share/doc/nfsbooted/copyright
    usr/share/initramfs-tools/scripts/nfs-bottom
    usr/share/initramfs-tools/scripts/nfs-bottom/nfsbooted
    usr/share/man/man5/nfsbooted.conf.5.gz
    usr/share/man/man8/nfsbooted.8.gz
    usr/share/nfsbooted
    usr/share/nfsbooted/masked-units
    usr/share/nfsbooted/release-records
    var/lib/dpkg/info/nfsbooted.conffiles
    var/lib/dpkg/info/nfsbooted.list
    var/lib/dpkg/info/nfsbooted.md5sums
    var/lib/nfsbooted
"""
SEEDS = "usr/lib/nfsbooted/seeds.list"
"""What state may begin with: every directory outside of the system's."""
RPCBIND = "etc/systemd/system/multi-user.target.wants/rpcbind.service"
KERRIGHED = """
    config
    etc/default/kerrighed
    etc/default/kerrighed-host
    usr/lib/systemd/system/config.mount.d
    usr/lib/systemd/system/config.mount.d/kerrighed.conf
"""


@pytest.fixture(scope="module")
def tree_with(cache: Cache, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Contents]:
    """Entries of the root tarball but for the overlay's, from a recipe with one element more or, for "", none."""
    project = tmp_path_factory.mktemp("differences")
    (project / "elements/packages").mkdir(parents=True)
    (project / "elements/packages/element.toml").write_text(PACKAGES)

    def contents(element: str) -> Contents:
        recipe = project / "differences.toml"
        recipe.write_text(RECIPE.format(element=f', "{element}"' if element else ""))
        loaded = load(str(recipe), SearchPath.default(project))
        workspace = Workspace(cache, Sandbox(), project / "output", lambda _event: None)
        built = build(loaded, workspace, version=None, source_date=None, refresh=False)
        entries = members(root_tarball(built.directory))
        return {path: member for path, member in entries if path not in OWNED_PATHS}

    return contents


@pytest.fixture(scope="module")
def without(tree_with: Callable[[str], Contents]) -> Contents:
    """The tree without an element of a node's."""
    return tree_with("")


@pytest.fixture(scope="module")
def with_nfsbooted(tree_with: Callable[[str], Contents]) -> Contents:
    """The tree with the element nfsbooted."""
    return tree_with("nfsbooted")


@pytest.fixture(scope="module")
def with_kerrighed(tree_with: Callable[[str], Contents]) -> Contents:
    """The tree with the element kerrighed, which depends on nfsbooted."""
    return tree_with("kerrighed")


def masked_path(unit: str) -> str:
    """Where a unit, a wish for one, or a generator is masked (systemd.unit(5), systemd.generator(7))."""
    return f"etc/systemd/system{'-generators' if unit.endswith('-generator') else ''}/{unit}"


def changed(old: Contents, new: Contents) -> set[str]:
    """Paths that both trees have with other content, owner, mode, target or time."""
    return {path for path in old.keys() & new.keys() if old[path] != new[path]}


def test_nfsbooted_adds_its_package(without: Contents, with_nfsbooted: Contents) -> None:
    """The element nfsbooted adds what its package holds, and a mask for each unit that it names; rpcbind may wait."""
    masks = {masked_path(line.split()[0]) for line in MASKED.read_text().splitlines()}
    assert with_nfsbooted.keys() - without.keys() == {*PACKAGE_NFSBOOTED.split(), *masks}
    assert without.keys() - with_nfsbooted.keys() == {RPCBIND}
    assert {with_nfsbooted[mask].link for mask in masks} == {"/dev/null"}


def test_nfsbooted_changes_only_what_dpkg_knows(without: Contents, with_nfsbooted: Contents) -> None:
    """Of what was there, dpkg's list of packages changes, and the time of a directory that dpkg touched."""
    assert changed(without, with_nfsbooted) == {"etc/ssh/sshd_config.d", "var/lib/dpkg/status"}


def test_kerrighed_adds_its_settings(with_nfsbooted: Contents, with_kerrighed: Contents) -> None:
    """The element kerrighed adds the mount point of configfs, its guard, and the settings of both generations."""
    assert with_kerrighed.keys() - with_nfsbooted.keys() == set(KERRIGHED.split())
    assert with_nfsbooted.keys() - with_kerrighed.keys() == set()
    assert changed(with_nfsbooted, with_kerrighed) == {SEEDS}, "it has the mount point, too"
