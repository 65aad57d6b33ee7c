"""Decides the settings that a release asks of its server, from its recipe."""

from __future__ import annotations

from builder.layout import Layout
from builder.recipe.choices import RootKind, WritableKind
from builder.recipe.models import Recipe, Server
from builder.server import dhcp, nfs
from builder.settings import sizes as limits
from builder.settings.programs import HTTP_SERVER, LOG_SERVER, Program, programs
from builder.settings.release import ReleaseSettings, RootPlace


def decide(layout: Layout) -> ReleaseSettings:
    """The settings that a release asks of its server."""
    recipe, server = layout.recipe, layout.recipe.cluster.server
    chosen = {
        "dhcp": str(server.dhcp),
        "tftp": str(server.tftp),
        **({"http": HTTP_SERVER} if recipe.needs_http else {}),
        **({"nfs": str(server.nfs)} if recipe.needs_nfs else {}),
        **({"logs": LOG_SERVER} if recipe.needs_log_server else {}),
    }
    return ReleaseSettings(
        name=recipe.image.name,
        version=layout.version,
        recipe=recipe.file_name,
        tool=layout.tool_version,
        kernel=layout.kernel_version,
        cluster=recipe.cluster.name,
        server_name=server.name,
        programs=chosen,
        nfs_version=recipe.root.nfs_version,
        tftp_directory=layout.tftp_directory,
        root=_root(layout),
        dhcp=dhcp.decide(recipe),
        exports=nfs.exports(layout),
        state_exports=nfs.state_exports(recipe),
    )


def _root(layout: Layout) -> RootPlace:
    recipe, is_image = layout.recipe, layout.recipe.root.kind is RootKind.IMAGE
    return RootPlace(
        kind=str(recipe.root.kind),
        access=str(recipe.root.access),
        file=layout.root_file,
        overlay=layout.overlay_file if is_image else "",
        directory=layout.server_directory,
        place=layout.root_place,
        shared=tuple(recipe.root.shared),
        shared_directory=layout.shared_directory,
        state=str(recipe.root.state) if recipe.root.keeps_state else "",
        state_of_nodes=WritableKind.NODE in recipe.state_places,
        state_of_all=WritableKind.PERSISTENT in recipe.state_places,
    )


def recipe_sizes(recipe: Recipe) -> limits.Sizes:
    """The limits of a server for the nodes of a recipe's cluster."""
    return limits.sizes(len(recipe.cluster.nodes))


def chosen(recipe: Recipe, server: Server) -> tuple[Program, ...]:
    """The program that `server` runs in each role that a release of the recipe needs, without settings of a release."""
    names = {"dhcp": server.dhcp, "tftp": server.tftp, "http": HTTP_SERVER, "nfs": server.nfs, "logs": LOG_SERVER}
    every = programs("", http=recipe.needs_http, nfs=recipe.needs_nfs, logs=recipe.needs_log_server)
    return tuple(program for program in every if program.name == names[program.role])
