"""Decides the settings that a release asks of its server, from its recipe."""

from __future__ import annotations

from builder.recipe.models import Recipe, ReleaseFacts, RootKind, Server, WritableKind
from builder.server import dhcp, nfs, root
from builder.settings import sizes as limits
from builder.settings.programs import HTTP_SERVER, Program, programs
from builder.settings.release import ReleaseSettings, RootPlace


def decide(recipe: Recipe, facts: ReleaseFacts) -> ReleaseSettings:
    """The settings that the release of a recipe asks of its server."""
    server = recipe.cluster.server
    chosen = {
        "dhcp": str(server.dhcp),
        "tftp": str(server.tftp),
        **({"http": HTTP_SERVER} if recipe.needs_http else {}),
        **({"nfs": str(server.nfs)} if recipe.needs_nfs else {}),
    }
    return ReleaseSettings(
        name=recipe.image.name,
        version=facts.version,
        recipe=recipe.file_name,
        tool=facts.tool_version,
        kernel=facts.kernel_version,
        cluster=recipe.cluster.name,
        server_name=server.name,
        programs=chosen,
        nfs_version=recipe.root.nfs_version,
        tftp_directory=recipe.tftp_directory(facts.version),
        root=_root(recipe, facts.version),
        dhcp=dhcp.decide(recipe),
        exports=nfs.exports(recipe, facts.version),
        state_exports=nfs.state_exports(recipe),
    )


def _root(recipe: Recipe, version: str) -> RootPlace:
    is_image = recipe.root.kind is RootKind.IMAGE
    return RootPlace(
        kind=str(recipe.root.kind),
        access=str(recipe.root.access),
        file=recipe.root_file(version),
        overlay=recipe.overlay_file(version) if is_image else "",
        directory=recipe.server_directory(version),
        place=root.place(recipe, version),
        shared=tuple(recipe.root.shared),
        shared_directory=recipe.shared_directory(version),
        state=str(recipe.root.state) if recipe.root.keeps_state else "",
        state_of_nodes=WritableKind.NODE in recipe.state_places,
        state_of_all=WritableKind.PERSISTENT in recipe.state_places,
    )


def recipe_sizes(recipe: Recipe) -> limits.Sizes:
    """The limits of a server for the nodes of a recipe's cluster."""
    return limits.sizes(len(recipe.cluster.nodes))


def chosen(recipe: Recipe, version: str, server: Server) -> tuple[Program, ...]:
    """The program that `server` runs in each role that the release needs."""
    names = {"dhcp": server.dhcp, "tftp": server.tftp, "http": HTTP_SERVER, "nfs": server.nfs}
    every = programs(f"{recipe.image.name}-{version}", http=recipe.needs_http, nfs=recipe.needs_nfs)
    return tuple(program for program in every if program.name == names[program.role])
