"""Recipes changed in what servers are told, and what is rendered of them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from builder.recipe.choices import Transport, Variant, WritableKind
from builder.recipe.models import Boot, Node, Recipe, WritableDirectory
from builder.rendered_files import RenderedFile


def texts(files: Iterable[RenderedFile]) -> dict[str, str]:
    """What is rendered, by path."""
    return {file.path: file.content.decode() for file in files}


def statements(text: str) -> list[str]:
    """The lines that are neither empty nor comments, without indentation."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def with_boot(recipe: Recipe, *variants: Variant, uefi: Variant) -> Recipe:
    """The recipe with these boot loaders."""
    return recipe.model_copy(update={"boot": Boot(variants=variants, uefi=uefi)})


def with_http(recipe: Recipe, **boot: object) -> Recipe:
    """The recipe whose nodes get kernel and initramfs over HTTP."""
    return recipe.model_copy(update={"boot": recipe.boot.model_copy(update={"transport": Transport.HTTP, **boot})})


SHARED = (
    WritableDirectory(path="/tmp", kind=WritableKind.TMPFS),
    WritableDirectory(path="/var", kind=WritableKind.SHARED),
    WritableDirectory(path="/root", kind=WritableKind.SHARED),
)
"""Directories of a release that its nodes share."""


def with_root(recipe: Recipe, **values: object) -> Recipe:
    """The recipe with these values of its root."""
    return recipe.model_copy(update={"root": recipe.root.model_copy(update=values)})


def with_cluster(recipe: Recipe, **values: object) -> Recipe:
    """The recipe for a cluster with these values."""
    return recipe.model_copy(update={"cluster": recipe.cluster.model_copy(update=values)})


def with_server(recipe: Recipe, **values: object) -> Recipe:
    """The recipe for a cluster whose server has these values."""
    return with_cluster(recipe, server=recipe.cluster.server.model_copy(update=values))


def with_nodes(recipe: Recipe, number: int) -> Recipe:
    """The recipe for a cluster of so many nodes, with the server's address as it was."""
    first = IPv4Address("192.168.1.0")
    macs = (f"52:54:00:00:{n >> 8:02x}:{n & 255:02x}" for n in range(number))
    nodes = tuple(Node(name=f"n{n}", address=first + n, mac=mac, ordinal=n) for n, mac in enumerate(macs))
    subnet, broadcast = IPv4Network("192.168.0.0/16"), IPv4Address("192.168.255.255")
    return with_cluster(recipe, nodes=nodes, subnet=subnet, broadcast=broadcast)


def large(recipe: Recipe) -> Recipe:
    """The recipe for a cluster of 10,000 nodes."""
    nodes = tuple(
        Node(
            name=f"n{n}", address=IPv4Address("10.0.1.0") + n, mac=f"52:54:00:00:{n >> 8:02x}:{n & 255:02x}", ordinal=n
        )
        for n in range(10_000)
    )
    return with_cluster(
        recipe, nodes=nodes, subnet=IPv4Network("10.0.0.0/16"), broadcast=IPv4Address("10.0.255.255"), gateway=None
    )
