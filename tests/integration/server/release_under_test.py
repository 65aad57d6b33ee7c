"""The release whose server bundle is installed: a real one, or a stand-in with random bytes for what nodes load."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from layouts import layout_of

from builder.boot.pxegrub import SERVED
from builder.layout import Layout
from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.server import bundle

PROJECT = Path(__file__).parents[3]
SUMS = "SHA256SUMS"
DHCP_SERVERS = {"isc": "isc-dhcp-server", "kea": "kea-dhcp4-server", "dnsmasq": "dnsmasq"}
TFTP_SERVERS = {"tftpd-hpa": "tftpd-hpa", "dnsmasq": "dnsmasq"}
"""Services, which are packages too, by install.sh's names for them."""


@dataclass(frozen=True)
class Serving:
    """The programs that serve, by install.sh's names."""

    dhcp: str
    tftp: str

    @property
    def install(self) -> str:
        """The command that sets them up."""
        return f"/scratch/*-server/install.sh --dhcp {self.dhcp} --tftp {self.tftp}"


@dataclass(frozen=True)
class ReleaseUnderTest:
    """A release's directory, and what its bundle says about the cluster."""

    directory: Path

    @cached_property
    def bundle(self) -> Path:
        """The server bundle."""
        (found,) = self.directory.glob("*-server.tar.gz")
        return found

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Every file of the bundle, by its path."""
        with tarfile.open(self.bundle) as archive:
            members = [member for member in archive if member.isfile()]
            return {member.name.removeprefix("./"): archive.extractfile(member).read() for member in members}

    @cached_property
    def digests(self) -> dict[str, str]:
        """SHA-256 of every released file, by its path in the release."""
        lines = (self.directory / SUMS).read_text().splitlines()
        return {path: digest for digest, path in (line.split("  ", 1) for line in lines)}

    @cached_property
    def served(self) -> dict[str, str]:
        """SHA-256 of what the TFTP server has, by its path there: loaders, kernel and initramfs, and menus."""
        names = {served: f"pxegrub/{made}" for variant in SERVED.values() for served, made in variant.items()}
        (kernel,) = [path for path in self.digests if path.startswith("vmlinuz-")]
        (initrd,) = [path for path in self.digests if path.startswith("initrd.img-")]
        served = {f"/{name}": self.digests[path] for name, path in names.items() if path in self.digests}
        (directory,) = re.findall(rf"kernel (\S+)/{re.escape(kernel)} ", self.menu)
        served |= {f"{directory}/{file}": self.digests[file] for file in (kernel, initrd)}
        menus = (f"/grub/{name}" for name in ("grub.cfg", self.node, f"{self.node}.cfg", "default"))
        return served | {menu: hashlib.sha256(self.files[f"srv/tftp{menu}"]).hexdigest() for menu in menus}

    @cached_property
    def dhcpd_conf(self) -> str:
        """The text of dhcpd.conf."""
        return self.files["etc/dhcp/dhcpd.conf"].decode()

    @property
    def menu(self) -> str:
        """The first node's menu."""
        return self.files[f"srv/tftp/grub/{self.node}"].decode()

    @property
    def node(self) -> str:
        """The first node's name."""
        return self._says(r"host (\S+) \{")

    @property
    def mac(self) -> str:
        """The first node's MAC address."""
        return self._says(r"hardware ethernet (\S+);")

    @property
    def address(self) -> str:
        """The first node's address."""
        return self._says(r"fixed-address (\S+);")

    @property
    def server(self) -> IPv4Address:
        """The server's address."""
        return IPv4Address(self._says(r"next-server (\S+);"))

    @property
    def subnet(self) -> IPv4Network:
        """The cluster's network."""
        return IPv4Network(self._says(r"subnet (\S+) netmask") + "/" + self._says(r"netmask (\S+) "))

    @property
    def root(self) -> str:
        """The directory that nodes mount."""
        found = re.search(r"nfsroot=[^:]+:([^, ]+)", self.menu)
        assert found, "the menu names no root"
        return found[1]

    def _says(self, pattern: str) -> str:
        found = re.search(pattern, self.dhcpd_conf)
        assert found, f"dhcpd.conf has no {pattern}"
        return found[1]


def stand_in(directory: Path) -> ReleaseUnderTest:
    """A release of the shipped recipe `kerrighed` whose loaders, kernel, initramfs and tree are not real."""
    recipe = load("kerrighed", SearchPath.default(PROJECT))
    layout = layout_of(recipe, kernel="6.12.117+deb13-amd64")
    made = {layout.kernel_file: os.urandom(700_000), layout.initramfs_file(): os.urandom(900_001)}
    loaders = [file for variant in recipe.boot.variants for file in SERVED[variant].values()]
    made |= {f"pxegrub/{file}": os.urandom(60_000) for file in loaders}
    for path, data in made.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(data)
    _write_bundle(directory, layout, made)
    _write_root(directory / layout.root_file)
    sums = (f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in made.items())
    (directory / SUMS).write_text("".join(sums))
    return ReleaseUnderTest(directory)


def _write_bundle(directory: Path, layout: Layout, made: dict[str, bytes]) -> None:
    content = {file.path: (file.content, file.mode) for file in bundle.render(layout)}
    tftp = layout.served_directory.lstrip("/")
    content |= {f"{tftp}/{name}": (made[name], 0o644) for name in (layout.kernel_file, layout.initramfs_file())}
    for variant in layout.recipe.boot.variants:
        served = SERVED[variant].items()
        content |= {f"srv/tftp/{name}": (made[f"pxegrub/{file}"], 0o644) for name, file in served}
    with tarfile.open(directory / layout.bundle_file, "w:gz") as archive:
        for path, (data, mode) in content.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), mode
            archive.addfile(member, io.BytesIO(data))


def _write_root(target: Path) -> None:
    """A root tarball of three empty directories."""
    plain = target.with_suffix("")
    with tarfile.open(plain, "w") as archive:
        for name in ("root", "tmp", "var"):
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(member)
    subprocess.run(["zstd", "--quiet", "--rm", plain, "-o", target], check=True)
