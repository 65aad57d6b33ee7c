"""The server bundle: what the DHCP, TFTP, HTTP and NFS servers of a cluster need, laid out as their file system."""

from __future__ import annotations

from collections.abc import Iterator

from builder.boot import menus
from builder.files import RenderedFile, header, settings_header, text_file
from builder.recipe.models import Recipe, ReleaseFacts
from builder.server import dhcp, nfs, root
from builder.server.procedure import procedure
from builder.server.settings import decide, recipe_sizes
from builder.settings import kea, nginx
from builder.settings.dhcp import MENU_OPTION
from builder.settings.exports import ganesha_ids
from builder.settings.programs import NFS_CONF, Program, programs, unit_settings
from builder.settings.release import FILE as SETTINGS_FILE
from builder.settings.sizes import SYSCTL_CONF
from builder.templates import fill

RELEASE_ABOUT = "Every release has a file of its own, so that nodes that run an older one keep their root."
STATE_ABOUT = "What nodes write that outlives releases: no release changes this file."


def render(recipe: Recipe, facts: ReleaseFacts) -> tuple[RenderedFile, ...]:
    """Every text file of the bundle, sorted by path."""
    files = (*settings(recipe, facts), *menus.render(recipe, facts))
    return tuple(sorted(files, key=lambda file: file.path))


def settings(recipe: Recipe, facts: ReleaseFacts) -> Iterator[RenderedFile]:
    """All but the menus: settings of every program that a recipe may choose, and what installs the chosen ones'."""
    release, state = f"{recipe.image.name}-{facts.version}", _state(recipe)
    values = _values(recipe, facts, release)
    yield _text("README", "README", values)
    yield text_file(SETTINGS_FILE, decide(recipe, facts).text())
    yield _text("install.sh", "install.sh", values, 0o755)
    yield _text("dhcpd.conf", "etc/dhcp/dhcpd.conf", values)
    yield _text("isc-dhcp-server", "etc/default/isc-dhcp-server", values)
    yield text_file("etc/kea/kea-dhcp4.conf", kea.render(dhcp.decide(recipe), settings_header(recipe)))
    yield _text("dnsmasq.conf", "etc/dnsmasq.d/nfsroot.conf", values)
    yield _text("dnsmasq-dhcp.conf", "etc/dnsmasq.d/nfsroot-dhcp.conf", values)
    yield _text("dnsmasq-tftp.conf", "etc/dnsmasq.d/nfsroot-tftp.conf", values)
    yield _text("tftpd-hpa", "etc/default/tftpd-hpa", values)
    if recipe.needs_http:
        yield _text("nginx.conf", "etc/nginx/conf.d/nfsroot.conf", values)
    if recipe.needs_nfs:
        yield _text("ganesha.conf", "etc/ganesha/ganesha.conf", values)
        yield from _exports(release, values)
        if state:
            own = {"header": values["settings_header"], "exports": values["state_exports"], "about": STATE_ABOUT}
            yield from _exports(state, {**values, **own})
    yield _text("hosts.nfsroot", "etc/hosts.nfsroot", values)
    if recipe_sizes(recipe).beyond_defaults:
        yield _text("sysctl.conf", SYSCTL_CONF, values)
        if recipe.needs_nfs:
            yield _text("nfs.conf", NFS_CONF, values)
    for service in dict.fromkeys(program.service for program in _programs(recipe, release)):
        yield _text("unit.conf", unit_settings(service), {**values, "service": service})


def _exports(name: str, values: dict[str, object]) -> Iterator[RenderedFile]:
    """Two files called `name` with the same exports: for the kernel's server, and for nfs-ganesha."""
    yield _text("exports", f"etc/exports.d/{name}.exports", values)
    yield _text("ganesha-exports.conf", f"etc/ganesha/exports.d/{name}.conf", {**values, "exports_name": name})


def _state(recipe: Recipe) -> str:
    """The name of the files that export what outlives releases; empty where nothing does."""
    return f"{recipe.image.name}-state" if recipe.root.keeps_state else ""


def _text(name: str, path: str, values: dict[str, object], mode: int = 0o644) -> RenderedFile:
    return text_file(path, fill("builder.server", name, **values), mode)


def _values(recipe: Recipe, facts: ReleaseFacts, release: str) -> dict[str, object]:
    exports, state_exports = nfs.exports(recipe, facts.version), nfs.state_exports(recipe)
    return {
        "about": RELEASE_ABOUT,
        "header": header(recipe, facts),
        "settings_header": settings_header(recipe),
        "title": f"{recipe.image.name} {facts.version}: server bundle",
        "release": release,
        "recipe": recipe,
        "cluster": recipe.cluster,
        "facts": facts,
        "directory": recipe.server_directory(facts.version),
        "root_place": root.place(recipe, facts.version),
        "dhcp": dhcp.decide(recipe),
        "menu_option": MENU_OPTION,
        "exports": exports,
        "state_exports": state_exports,
        "state_kinds": tuple(recipe.state_places),
        "ganesha_ids": ganesha_ids((*state_exports, *exports)),
        "server": recipe.cluster.server,
        "sizes": recipe_sizes(recipe),
        "sysctl_conf": SYSCTL_CONF,
        "nfs_conf": NFS_CONF,
        "kinds": _kinds(recipe),
        "programs": _programs(recipe, release),
        "nginx_check": nginx.whole("$work/site", "$work/site/nfsroot.conf"),
        "procedure": procedure(recipe, facts.version, recipe.cluster.server),
    }


def _programs(recipe: Recipe, release: str) -> tuple[Program, ...]:
    sized = recipe_sizes(recipe).beyond_defaults
    return programs(release, http=recipe.needs_http, nfs=recipe.needs_nfs, sized=sized, state=_state(recipe))


def _kinds(recipe: Recipe) -> str:
    """The kinds of servers, in words."""
    needed = ["DHCP", "TFTP", *(["HTTP"] if recipe.needs_http else []), *(["NFS"] if recipe.needs_nfs else [])]
    return f"{', '.join(needed[:-1])} and {needed[-1]}"
