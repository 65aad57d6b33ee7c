"""The overlay: the files of a node's root that depend on the cluster, on `[login]` or on the release.

The tree itself depends on none of these, so a changed cluster never rebuilds the tree.
"""

from __future__ import annotations

from builder.layout import Layout
from builder.overlay.shadow import with_root_password
from builder.overlay.writable import NFS_OPTIONS, mounts, state_directory
from builder.recipe.models import Recipe
from builder.rendered_files import RenderedFile, header, text_file
from builder.settings import logs, reports
from builder.templates import fill
from builder.tree.owned_paths import ALWAYS, AUTHORIZED_KEYS, CHRONY, KERRIGHED_NODES, RSYSLOG, SHADOW, TIMESYNCD

SHADOW_GID = 42  # Debian's group shadow (/usr/share/base-passwd/group.master).


def render(layout: Layout, shadow: str) -> tuple[RenderedFile, ...]:
    """The files of a release's overlay, sorted by path.  `shadow` is the text of the tree's own /etc/shadow."""
    recipe = layout.recipe
    values = {
        "recipe": recipe,
        "layout": layout,
        "header": header(layout),
        "mounts": mounts(layout),
        "state_directory": state_directory(recipe),
        "state_options": NFS_OPTIONS[recipe.root.nfs_version],
        "report": report_place(recipe),
        "logs": logs,
        "report_options": "" if recipe.needs_http else reports.NFS_OPTIONS[recipe.root.nfs_version],
    }
    paths = [*ALWAYS]
    if recipe.cluster.ntp:
        paths.append(CHRONY if "chrony" in recipe.packages else TIMESYNCD)
    if recipe.logs.server:
        paths.append(RSYSLOG)
    if recipe.kerrighed and recipe.kerrighed.cluster_file:
        paths.append(KERRIGHED_NODES)
    files = [text_file(path, _text(path, values)) for path in paths]
    if recipe.login.ssh_keys:
        files.append(text_file(AUTHORIZED_KEYS, _text(AUTHORIZED_KEYS, values), 0o600))
    root_shadow = with_root_password(shadow, recipe.login.root_password_hash)
    files.append(text_file(SHADOW, root_shadow, 0o640, SHADOW_GID))
    return tuple(sorted(files, key=lambda file: file.path))


def report_place(recipe: Recipe) -> str:
    """The place to which nodes report the release that they run.

    A URL when an HTTP server serves the release: a node then writes under its own address alone, and mounts nothing.
    Otherwise ADDRESS:DIRECTORY for mount(8).
    """
    address = recipe.cluster.server.address
    return f"http://{address}{reports.HTTP_PATH}" if recipe.needs_http else f"{address}:{reports.OVER_NFS}"


def _text(path: str, values: dict[str, object]) -> str:
    """The text of the file `path`, from the template of the same path below templates/."""
    return fill("builder.overlay", path, **values)
