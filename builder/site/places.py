"""The paths of a site's own data, and of the files that its servers read.

A site is an NFS server on which releases are unpacked.  All paths are below `root`, which is / but in tests and with
--root.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from builder.settings import reports

STATE = "var/lib/nfsroot-site"
"""The site's own data, below the root of the file system (FHS 3.0, section 5.8)."""


@dataclass(frozen=True)
class Places:
    """The directories and files of a site below `root`."""

    root: Path = Path("/")

    def on_server(self, path: str) -> Path:
        """The file at the absolute path `path` of the server."""
        return self.root / path.lstrip("/")

    @property
    def data(self) -> Path:
        """The directory of the site's own data; its lock keeps two verbs apart."""
        return self.root / STATE

    @property
    def state(self) -> Path:
        """The file that says what nodes boot (builder.site.state)."""
        return self.data / "state.json"

    @property
    def journal(self) -> Path:
        """The directory of the journal, with a file for each change, whose name is the change's number."""
        return self.data / "journal"

    @property
    def installed(self) -> Path:
        """The directory with copies of the settings that the site wrote last, by their paths on the server."""
        return self.data / "installed"

    @property
    def pending(self) -> Path:
        """The directory with copies of settings that are being written; they move to `installed` when that is done."""
        return self.data / "pending"

    @property
    def replaced(self) -> Path:
        """The files that the site's first settings replaced, by their paths there; they come back at the end."""
        return self.data / "replaced"

    @property
    def backups(self) -> Path:
        """The directory of dated copies of replaced settings of others; install.sh keeps its own there, too."""
        return self.root / "var/backups/nfsroot"

    @property
    def stores(self) -> Path:
        """The file that names the stores which this site trusts."""
        return self.data / "stores.json"

    @property
    def withdrawn(self) -> Path:
        """The file that names the releases which their publisher withdrew, as the trusted stores said last."""
        return self.data / "withdrawn.json"

    @property
    def reads(self) -> Path:
        """The file that keeps how many bytes were read from each export, and since when nothing more was."""
        return self.data / "reads.json"

    @property
    def configuration(self) -> Path:
        """The site's own configuration."""
        return self.root / "etc/nfsroot-site.toml"

    @property
    def fetched(self) -> Path:
        """The directory of releases fetched from a store, NAME/VERSION: the next fetch takes parts from there."""
        return self.data / "fetched"

    @property
    def releases(self) -> Path:
        """The directory with the records of unpacked releases, NAME/VERSION (builder.site.records)."""
        return self.data / "releases"

    @property
    def served(self) -> Path:
        """The directory that TFTP and HTTP serve."""
        return self.root / "srv/tftp"

    @property
    def menus(self) -> Path:
        """The link to the generation of menus that nodes read."""
        return self.served / "grub"

    @property
    def generations(self) -> Path:
        """The directory of all generations of menus, NUMBER-LABEL."""
        return self.served / ".grub"

    @property
    def reports_over_nfs(self) -> Path:
        """The directory in which nodes write their reports over NFS, each in a file with its name."""
        return self.on_server(reports.OVER_NFS)

    @property
    def reports_over_http(self) -> Path:
        """The directory in which nginx writes nodes' reports, each in a file whose name is the node's address."""
        return self.on_server(reports.OVER_HTTP)
