"""A site as verbs use it: the paths of its files, and the services of its machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from builder.site.places import Places


class Services(Protocol):
    """The services of the machine on which a site is."""

    @property
    def has_own_kernel(self) -> bool:
        """Whether this machine may start the kernel's NFS server; a container's kernel is its host's."""

    def is_installed(self, service: str) -> bool:
        """Whether a service is installed."""

    def is_active(self, service: str) -> bool:
        """Whether a service runs."""

    def listeners(self, protocol: str, port: int) -> frozenset[str] | None:
        """The names of the processes that listen on a port, an empty one for the kernel; None when nobody can tell."""

    def enable(self, service: str) -> bool:
        """Have a service start with the machine; false when it does already."""

    def reload_units(self) -> None:
        """Have systemd read its units again."""

    def restart(self, service: str) -> None:
        """Start a service, which is stopped first where it runs; raises NfsrootError."""

    def reload(self, service: str) -> None:
        """Have a service read its settings again while it serves; raises NfsrootError."""

    def stop(self, service: str) -> None:
        """Stop a service, which then does not start with the machine either; raises NfsrootError."""

    def export_again(self) -> None:
        """Have the kernel's NFS server read its exports again (`exportfs -ra`); raises NfsrootError."""

    def exported(self) -> frozenset[str]:
        """The paths that the kernel's NFS server exports."""

    def drop_exports(self, ids: Iterable[int]) -> bool:
        """Have nfs-ganesha forget exports by their Export_Ids; false when it cannot be asked over D-Bus."""

    def set_limits(self, path: str) -> bool:
        """Put the kernel's limits in a file of sysctl.d(5) in force; false when not all are."""

    def set_threads(self, number: int) -> None:
        """Give the running NFS server of the kernel a number of threads; raises NfsrootError."""


@dataclass(frozen=True)
class Site:
    """A site: its places, and the services of its machine."""

    places: Places
    services: Services
