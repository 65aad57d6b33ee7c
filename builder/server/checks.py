"""The checks that a server bundle passes before it is packed: each server's own checker reads its settings."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from builder.container.engine import Job
from builder.errors import NfsrootError
from builder.packing.release_step import ReleaseContext
from builder.parallel import crew
from builder.process import CommandError
from builder.recipe.models import Recipe
from builder.release_names import MENUS
from builder.rendered_files import RenderedFile, text_file
from builder.settings import kea, nginx, rsyslog
from builder.settings.programs import LOG_NODES, RSYSLOG_CONF

BUNDLE = "/input/bundle"
DHCPD_CONF = "etc/dhcp/dhcpd.conf"
KEA_CONF = "etc/kea/kea-dhcp4.conf"
DNSMASQ_D = "etc/dnsmasq.d"
NGINX_D = "etc/nginx/conf.d"
NGINX_SITE = f"{NGINX_D}/nfsroot.conf"
NGINX_CHECK = "check/nginx.conf"
"""The whole configuration of which NGINX_SITE is a part, made for the check alone."""

ENVIRONMENT = {"KEA_LOCKFILE_DIR": "none"}
"""The environment of the checkers: Kea would lock its log in a directory that only a server has."""

_COPY = ("sh", "-euc", 'cp "$(command -v "$0")" /scratch/ && exec "/scratch/$0" "$@"')
"""The command that runs a copy of a program: AppArmor, where the host has it, keeps the original in its directories."""

_EACH = (
    "sh",
    "-euc",
    'cp "$(command -v "$0")" /scratch/; for file; do "/scratch/$0" "$file" || { echo "in $file"; exit 1; }; done',
)
"""The command that runs a copy of a program on each file: a sandbox for each would take longer than the program."""


class Check(NamedTuple):
    """A checker with its arguments, and the path that it reads: a file of the bundle, or a directory.

    With `files`, it reads only these files of the directory, one at a time.
    """

    program: str
    arguments: tuple[str, ...]
    path: str
    files: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that the checker reads."""
        return tuple(f"{self.path}/{file}" for file in self.files) or (self.path,)

    @property
    def argv(self) -> tuple[str, ...]:
        """The command in the builder image, where the bundle stands below `BUNDLE`."""
        run = _EACH if self.files else _COPY
        return (*run, self.program, *self.arguments, *(f"{BUNDLE}/{path}" for path in self.paths))


def checks(recipe: Recipe) -> tuple[Check, ...]:
    """Every check of a recipe's bundle.

    All nodes' menus come from one template, so that the first node's stands for them.
    """
    first = recipe.cluster.nodes[0]
    menus = ("grub.cfg", "default.cfg", f"{first.name}.cfg")
    return (
        Check("dhcpd", ("-4", "-t", "-cf"), DHCPD_CONF),
        Check("kea-dhcp4", ("-t",), KEA_CONF),
        Check("dnsmasq", ("--test", "--conf-file=/dev/null", "--conf-dir"), DNSMASQ_D),
        *((Check("nginx", ("-q", "-t", "-c", f"{BUNDLE}/{NGINX_CHECK}", "-p"), NGINX_D),) if recipe.needs_http else ()),
        *((Check("rsyslogd", ("-N1", "-f"), RSYSLOG_CONF),) if recipe.needs_log_server else ()),
        Check("grub-script-check", (), MENUS, menus),
    )


def checked(recipe: Recipe, files: Iterable[RenderedFile]) -> tuple[RenderedFile, ...]:
    """The files of a bundle that the checkers read.

    Kea's and nginx's checkers refuse interfaces and addresses that their machine lacks, and rsyslogd's reads a table in
    another file: they read settings in which those are replaced.
    """
    paths = {path for check in checks(recipe) for path in check.paths} | {LOG_NODES}
    found = {file.path: file for file in files if file.path in paths or file.path.rpartition("/")[0] in paths}
    found[KEA_CONF] = text_file(KEA_CONF, kea.listen_everywhere(str(found[KEA_CONF].content, "utf-8")))
    if site := found.get(NGINX_SITE):
        found[NGINX_SITE] = text_file(NGINX_SITE, nginx.listen_everywhere(str(site.content, "utf-8")))
        found[NGINX_CHECK] = text_file(NGINX_CHECK, nginx.complete_configuration("/scratch", f"{BUNDLE}/{NGINX_SITE}"))
    if log := found.get(RSYSLOG_CONF):
        text = rsyslog.nodes_beside(str(log.content, "utf-8"), f"{BUNDLE}/{LOG_NODES}")
        found[RSYSLOG_CONF] = text_file(RSYSLOG_CONF, text)
    return tuple(found.values())


def check(context: ReleaseContext, files: Iterable[RenderedFile]) -> None:
    """Run every check over a bundle's `files`, which are written below the directory `context.scratch` for that.

    :raises NfsrootError: a checker rejects a file; its own words are in the error.
    """
    recipe, bundle, output = context.recipe, context.scratch / "checked", context.scratch / "checkers"
    for file in checked(recipe, files):
        target = bundle / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
    output.mkdir()

    def run(check: Check) -> None:
        try:
            context.engine.run(context.image, Job(check.argv, output, {BUNDLE: bundle}, ENVIRONMENT), context.on_line)
        except CommandError as error:
            what = f"{check.program} rejects {check.path} of the server bundle"
            raise NfsrootError(what, details=error.details) from error

    with crew(os.cpu_count() or 1) as checkers:
        for passed in [checkers.begin(partial(run, check)) for check in checks(recipe)]:
            passed()
