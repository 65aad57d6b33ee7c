"""`nfsroot-site unpack`: unpacks a release on this server, beside the releases that nodes use."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli import reading_options as options
from builder.cli.output import write
from builder.cli.render import renderer
from builder.cli.site.following import is_replacing
from builder.errors import InputError
from builder.site.places import Places

if TYPE_CHECKING:
    from builder.events import Emit
    from builder.site.journal import Apply
    from builder.site.records import Record
    from builder.site.state import SiteState
    from builder.site.unpacking import Check
    from builder.store.catalog import Release
    from builder.store.reader import TrustedStore


@click.command("unpack")
@click.argument("release", metavar="NAME[@VERSION|@CHANNEL]|DIRECTORY")
@options.from_trusted_option
@options.max_age_option
@options.limit_option
@click.option("--allow-yanked", is_flag=True, help="Unpack a release that was withdrawn.")
@click.option(
    "--keep-changes",
    is_flag=True,
    help="Take over a tree that nodes write to, and that is here already, although it differs from the release.",
)
@options.log_format_option
@click.pass_obj
def command(
    places: Places,
    release: str,
    store: str | None,
    max_age: timedelta | None,
    limit: float | None,
    allow_yanked: bool,
    keep_changes: bool,
    log_format: str | None,
) -> None:
    """Unpack a release beside the others on this server, and export it; nodes go on with what they have.

    \b
    Examples:
      nfsroot-site unpack kerrighed@stable
      nfsroot-site unpack kerrighed@2026.01.31 --from /media/usb/store
      nfsroot-site unpack output/kerrighed/2026.01.31

    Everything is verified first, and the unpacked tree is compared with the list that the release has of it.  Of a
    store only the parts are fetched that no release has which this server fetched before.

    A release that is here already by its bundle's install.sh is taken over: its files are compared with the release,
    and stay as they are.
    """
    is_directory = Path(release, options.MANIFEST).is_file()
    if not is_directory and "/" in release:
        raise InputError(f"{release} is no directory of a release: there is no {options.MANIFEST} in it")
    with renderer(log_format, verbose=False) as show:
        if is_directory:
            write(_unpack_directory(places, Path(release), keep_changes, show))
        else:
            found = _find_in_store(places, release, store, allow_yanked, max_age)
            made = unpack_release(places, *found, limit, show, keep_changes=keep_changes)
            write(_words(found[1].name, found[1].version, made))


def _unpack_directory(places: Places, directory: Path, keep_changes: bool, show: Emit) -> str:
    from builder.site.source import open_directory
    from builder.site.unpacking import unpack

    source = open_directory(directory)
    words = ("unpack", str(directory), *_option(keep_changes))
    apply, check = _applying(places, show)
    made = unpack(places, source, words, show, apply, check=check, keep_changes=keep_changes)
    return _words(source.manifest.name, source.manifest.version, made)


def _find_in_store(
    places: Places, reference: str, address: str | None, allow_yanked: bool, max_age: timedelta | None
) -> tuple[TrustedStore, Release]:
    from builder.site.fetching import find_in_store
    from builder.site.trust import default_store, open_trusted

    store = open_trusted(places, address or default_store(places), options.warn, max_age)
    return store, find_in_store(places, store, reference, allow_yanked=allow_yanked)


def unpack_release(
    places: Places,
    store: TrustedStore,
    release: Release,
    limit: float | None,
    show: Emit,
    *,
    keep_changes: bool = False,
) -> bool:
    """Unpack a release of a store that is trusted; false when it is here already."""
    from builder.site import fetching
    from builder.site.unpacking import is_here, unpack

    if is_here(places, release.name, release.version, release.manifest.sha256):
        return False
    source = fetching.fetch_from_store(places, store, release, options.transfers(show, limit))
    words = ("unpack", release.reference, "--from", store.storage.address, *_option(keep_changes))
    apply, check = _applying(places, show)
    made = unpack(places, source, words, show, apply, check=check, keep_changes=keep_changes)
    fetching.forget_others(places, release.name, release.version)
    return made


def _option(keep_changes: bool) -> tuple[str, ...]:
    return ("--keep-changes",) if keep_changes else ()


def _words(name: str, version: str, made: bool) -> str:
    return f"{name} {version} is {'unpacked' if made else 'here already'}"


def _applying(places: Places, show: Emit) -> tuple[Apply, Check]:
    """A function that brings the server's files and services to a state, and one that says whether that can be done."""
    from builder.site.apply import apply, prepare
    from builder.site.services import open_site

    site, replace = open_site(places), is_replacing()

    def check(state: SiteState, record: Record) -> None:
        # Notices are dropped here: `apply` emits the same ones later.
        prepare(site, state, lambda _event: None, replace=replace, new=[record])

    return lambda state: apply(site, state, show, replace=replace), check
