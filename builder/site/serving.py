"""Starts, reloads or restarts a site's servers whose settings changed; other servers go on undisturbed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet

from builder.errors import NfsrootError
from builder.events import Caution, Emit, Notice
from builder.settings.programs import HTTP_SERVER, LOG_SERVER, NFS_CONF, Program, every_program
from builder.settings.sizes import SYSCTL_CONF
from builder.site.comparison import NGINX_CONF
from builder.site.composition import EXPORTS_OF_GANESHA, EXPORTS_OF_KERNEL, Composition
from builder.site.errors import RefusedError
from builder.site.news import News
from builder.site.options import FILE as OPTIONS_FILE
from builder.site.site import Services, Site

PATIENCE, PAUSE = 100.0, 1.0
"""Seconds in which a started program has to listen, and seconds between two looks."""


def refuse_other_servers(site: Site, composition: Composition, ours: AbstractSet[str]) -> None:
    """Refuse to go on while a program serves that was not chosen: two DHCP servers would both answer the nodes.

    `ours` are the paths of settings that the site has installed: a program that reads these serves for the site, and is
    stopped later.

    :raises RefusedError: another program listens.
    """
    for program in composition.programs:
        protocol, port, name = program.socket.split("/")
        if program.role == "http":
            continue  # another web server may serve other addresses
        others = (site.services.listeners(protocol, int(port)) or frozenset()) - {name}
        dropped = {each.socket.split("/")[2] for each in dropped_programs(composition, ours)}
        if strange := sorted(others - dropped):
            service = _service(program.role, strange[0])
            raise RefusedError(
                f"{strange[0] or 'the kernel'} serves {program.role} on this machine ({protocol} port {port}), "
                f"and {program.service} is to; nothing was changed",
                resolution=f"Stop it:\n  systemctl disable --now {service}\nor choose it for this server in "
                f'{OPTIONS_FILE}:\n  [server]\n  {program.role} = "..."',
            )


def dropped_programs(composition: Composition, ours: AbstractSet[str]) -> list[Program]:
    """The programs that served for the site until now, and are no longer chosen.

    `ours` are the paths of settings that the site has installed: a program that reads one of them has served.
    """
    kept = {program.service for program in composition.programs}
    return [
        each
        for each in {each.service: each for each in every_program()}.values()
        if each.service not in kept and not ours.isdisjoint(each.settings)
    ]


def serve(
    site: Site,
    composition: Composition,
    news: News,
    dropped: Iterable[Program],
    give_menus: Callable[[], None],
    emit: Emit,
) -> None:
    """Have all programs serve, in this order: those that export, then menus, then those that send nodes there.

    :raises NfsrootError: a service does not start.
    """
    if news.has("etc/systemd/"):
        site.services.reload_units()
    if SYSCTL_CONF in news.paths and not site.services.set_limits(str(site.places.root / SYSCTL_CONF)):
        emit(Caution(f"Not all of /{SYSCTL_CONF} is in force: with all nodes on, the server may not reach some."))
    for program in dropped:
        if site.services.is_active(program.service):
            _leave(site, program, emit)
    exporting = [program for program in composition.programs if program.role == "nfs"]
    for program in exporting:
        _serve(site, program, [program], composition, news, emit)
    give_menus()
    for service, group in _by_service(each for each in composition.programs if each.role != "nfs"):
        _serve(site, group[0]._replace(service=service), group, composition, news, emit)


def _leave(site: Site, program: Program, emit: Emit) -> None:
    """Have a service go on without the site's settings if it has settings of others; else stop it."""
    service, root = program.service, site.places.root
    if program.name == "kernel":
        site.services.export_again()
    elif program.name == HTTP_SERVER:
        site.services.reload(service)
    elif program.name == LOG_SERVER:
        site.services.restart(service)  # it writes the server's own logs, too
    elif not any((root / path).exists() for path in program.settings) or not _can_restart(site.services, service):
        site.services.stop(service)
        emit(Notice(f"Stopped {service}, which serves nothing of this site any more."))


def _can_restart(services: Services, service: str) -> bool:
    """Restart a service with settings of others; false when it does not start: Debian's examples may not do."""
    try:
        services.restart(service)
    except NfsrootError:
        return False
    return True


def _by_service(running: Iterable[Program]) -> Iterator[tuple[str, list[Program]]]:
    groups: dict[str, list[Program]] = {}
    for program in running:
        groups.setdefault(program.service, []).append(program)
    yield from groups.items()


def _serve(
    site: Site, program: Program, group: list[Program], composition: Composition, news: News, emit: Emit
) -> None:
    """Have one service serve in all of its roles."""
    services, service = site.services, program.service
    if not services.is_installed(service):
        if site.places.root.parent == site.places.root:
            emit(Caution(f"{service} is not installed:\n  apt install {program.package}"))
        return
    if services.enable(service):
        emit(Notice(f"Enabled {service}."))
    changed = {path for path in news.paths if any(path in each.settings for each in group)}
    if program.name == "kernel":
        _serve_kernel(site, program, composition, news, emit)
    elif program.name == "ganesha":
        _serve_ganesha(services, program, changed, news, emit)
    elif not changed and not (program.name == HTTP_SERVER and news.has(NGINX_CONF)):
        start_if_down(services, group, emit)
    elif program.name == HTTP_SERVER and not news.has("etc/systemd/") and is_up(services, group):
        services.reload(service)
        emit(Notice(f"Reloaded {service}."))
    else:
        _start(services, group, "Restarted", emit)


def _serve_kernel(site: Site, program: Program, composition: Composition, news: News, emit: Emit) -> None:
    """Have the kernel's NFS server export again, without stopping it."""
    if site.services.has_own_kernel:
        start_if_down(site.services, [program], emit)
        if NFS_CONF in news.paths:
            site.services.set_threads(composition.sizes.nfs_threads)
    paths = [path for path in program.settings if path.startswith(EXPORTS_OF_KERNEL)]
    if news.has(EXPORTS_OF_KERNEL) or (paths and not site.services.exported()):
        site.services.export_again()
        emit(Notice("Exported what /etc/exports and /etc/exports.d name."))


def _serve_ganesha(services: Services, program: Program, changed: AbstractSet[str], news: News, emit: Emit) -> None:
    """Have nfs-ganesha read changed exports while it serves (SIGHUP), and forget others over D-Bus; else restart it."""
    only_exports = all(path.startswith(EXPORTS_OF_GANESHA) for path in news.paths if "ganesha" in path)
    if not is_up(services, [program]) or (changed and not only_exports):
        _start(services, [program], "Restarted" if changed else "Started", emit)
        return
    if news.gone_exports and not services.drop_exports(news.gone_exports):
        emit(Notice("nfs-ganesha cannot be asked over D-Bus to forget an export: it is restarted."))
        _start(services, [program], "Restarted", emit)
    elif changed:
        services.reload(program.service)
        emit(Notice(f"Reloaded {program.service}."))


def start_if_down(services: Services, group: list[Program], emit: Emit) -> None:
    """Start a service that does not run."""
    if not is_up(services, group):
        _start(services, group, "Started", emit)


def is_up(services: Services, group: list[Program]) -> bool:
    """Whether a service runs and its programs listen: nobody watches the programs that init scripts have started."""
    return services.is_active(group[0].service) and not any(find_deaf(services, program) for program in group)


def find_deaf(services: Services, program: Program) -> str:
    """The socket on which a program should listen and does not; empty when it listens, or when nobody can tell."""
    protocol, port, name = program.socket.split("/")
    listeners = services.listeners(protocol, int(port))
    return "" if listeners is None or name in listeners or "" in listeners else f"{protocol} port {port}"


def _start(services: Services, group: list[Program], word: str, emit: Emit) -> None:
    """Start or restart a service, and wait until it listens."""
    service = group[0].service
    services.restart(service)
    deadline = time.monotonic() + PATIENCE
    while deaf := next(filter(None, (find_deaf(services, program) for program in group)), ""):
        if time.monotonic() > deadline:
            raise NfsrootError(
                f"{service} was started, but nobody listens on {deaf}",
                resolution=f"See the log of {service}, and call the command again.",
            )
        time.sleep(PAUSE)
    emit(Notice(f"{word} {service}."))


def _service(role: str, process: str) -> str:
    """The service to which a listening process belongs; the name of the process where no service is known."""
    return next(
        (each.service for each in every_program() if each.role == role and each.socket.endswith(f"/{process}")), process
    )
