"""The server bundle: settings of a cluster's DHCP, TFTP, HTTP and NFS servers, menus, and README and install.sh."""

from __future__ import annotations

from collections.abc import Iterator

from builder.boot import menus
from builder.layout import Layout
from builder.recipe.models import Recipe
from builder.rendered_files import RenderedFile, header, text_file
from builder.server.procedure import procedure
from builder.server.settings import decide, recipe_sizes
from builder.settings import nginx, reports
from builder.settings.exports import ganesha_ids
from builder.settings.nfs import export_files, report_exports, report_files, state_files
from builder.settings.programs import NFS_CONF, Program, programs
from builder.settings.release import FILE as SETTINGS_FILE
from builder.settings.sizes import SYSCTL_CONF
from builder.settings.texts import renderers
from builder.templates import fill


def render(layout: Layout) -> tuple[RenderedFile, ...]:
    """Every text file of the bundle, sorted by path."""
    files = (*settings(layout), *menus.render(layout))
    return tuple(sorted(files, key=lambda file: file.path))


def settings(layout: Layout) -> Iterator[RenderedFile]:
    """Yield all text files but the menus: settings of every program that a recipe may choose, README, install.sh."""
    asked, values = decide(layout), _values(layout)
    yield _text("README", "README", values)
    yield text_file(SETTINGS_FILE, asked.text())
    yield _text("install.sh", "install.sh", values, 0o755)
    for path, render in renderers([asked]).items():
        yield text_file(path, render())
    if layout.recipe.needs_nfs:
        ids = ganesha_ids((*asked.state_exports, *asked.exports, *report_exports([asked])))
        for path, text in {**state_files(asked, ids), **export_files(asked, ids), **report_files([asked], ids)}.items():
            yield text_file(path, text)


def _text(name: str, path: str, values: dict[str, object], mode: int = 0o644) -> RenderedFile:
    return text_file(path, fill("builder.server", name, **values), mode)


def _values(layout: Layout) -> dict[str, object]:
    recipe = layout.recipe
    return {
        "header": header(layout),
        "title": f"{recipe.image.name} {layout.version}: server bundle",
        "release": layout.name,
        "recipe": recipe,
        "cluster": recipe.cluster,
        "tool_version": layout.tool_version,
        "directory": layout.server_directory,
        "root_place": layout.root_place,
        "state_kinds": tuple(recipe.state_places),
        "server": recipe.cluster.server,
        "sizes": recipe_sizes(recipe),
        "sysctl_conf": SYSCTL_CONF,
        "nfs_conf": NFS_CONF,
        "kinds": _kinds(recipe),
        "programs": _programs(recipe, layout.name),
        "nginx_check": nginx.complete_configuration("$work/site", "$work/site/nfsroot.conf"),
        "reports": reports,
        "procedure": procedure(layout, recipe.cluster.server),
    }


def _programs(recipe: Recipe, release: str) -> tuple[Program, ...]:
    sized = recipe_sizes(recipe).beyond_defaults
    beside = [f"{recipe.image.name}-state"] if recipe.root.keeps_state else []
    if not recipe.needs_http:
        beside.append(reports.EXPORTS)
    needed = {"http": recipe.needs_http, "nfs": recipe.needs_nfs, "logs": recipe.needs_log_server}
    return programs(release, **needed, sized=sized, beside=beside)


def _kinds(recipe: Recipe) -> str:
    """The kinds of servers, in words."""
    optional = {"HTTP": recipe.needs_http, "NFS": recipe.needs_nfs, "log": recipe.needs_log_server}
    needed = ["DHCP", "TFTP", *(kind for kind, is_needed in optional.items() if is_needed)]
    return f"{', '.join(needed[:-1])} and {needed[-1]}"
