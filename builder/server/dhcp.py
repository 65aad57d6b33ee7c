"""Decides the DHCP data of a cluster once, for all DHCP servers."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address

from builder.recipe.choices import Transport, Variant
from builder.recipe.models import Recipe
from builder.settings.dhcp import Dhcp, Loader, Reservation

BIOS_LOADER = "/pxegrub"
HTTP_CLIENT = "HTTPClient"
"""The vendor class (option 60) of firmware that boots over HTTP, and of the answers that it takes."""

UEFI_LOADERS = {Variant.X86_64_EFI: "/pxegrub.efi", Variant.SECURE_BOOT: "/shimx64.efi"}


def decide(recipe: Recipe) -> Dhcp:
    """The DHCP data of a recipe's cluster, whichever release nodes boot.

    The root is named without a version: a node's menu says from which release's directory it mounts its root.
    """
    cluster = recipe.cluster
    return Dhcp(
        server=cluster.server.address,
        interface=cluster.server.interface,
        subnet=cluster.subnet,
        broadcast=cluster.broadcast,
        router=cluster.gateway,
        domain=cluster.domain,
        dns=cluster.dns,
        ntp=_addresses(cluster.ntp),
        root_path=recipe.root.path,
        loaders=tuple(_loaders(recipe)),
        reservations=tuple(Reservation.of_node(node.name, node.mac, node.address) for node in cluster.nodes),
    )


def _loaders(recipe: Recipe) -> Iterator[Loader]:
    """Yield the boot loaders that the recipe makes, with the clients that load them.

    Some UEFI firmware for x64 says 9 where 7 is meant.  Firmware that boots over HTTP takes no path (UEFI
    specification, 24.7.3.1).
    """
    boot = recipe.boot
    if Variant.I386_PC in boot.variants:
        yield Loader("bios", BIOS_LOADER, (0,), by_default=True)
    if boot.uefi in boot.variants:
        yield Loader("uefi-x64", UEFI_LOADERS[boot.uefi], (7, 9))
        if boot.transport is Transport.HTTP:
            url = f"http://{recipe.cluster.server.address}{UEFI_LOADERS[boot.uefi]}"
            yield Loader("uefi-x64-http", url, (16,), vendor_class=HTTP_CLIENT)


def _addresses(servers: tuple[str, ...]) -> tuple[IPv4Address, ...]:
    """The servers that are given by address: option 42 has no place for names (RFC 2132 section 8.3)."""
    found = []
    for server in servers:
        try:
            found.append(IPv4Address(server))
        except AddressValueError:
            continue
    return tuple(found)
