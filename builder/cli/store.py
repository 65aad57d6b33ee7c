"""`nfsroot store`: the tasks of a publisher beside publishing: checks, signatures, pages, old releases, and keys."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from builder.cli import store_options as options
from builder.cli.output import write
from builder.cli.render import renderer, size_in_words
from builder.counting import count
from builder.errors import NfsrootError


@click.group("store")
def command() -> None:
    """Look after a store: check it, sign it anew, write its pages, remove old releases, show or change its keys.

    \b
    Examples:
      nfsroot store check /srv/artifacts
      nfsroot store prune /srv/artifacts --keep 5 --dry-run
      nfsroot store keys show /srv/artifacts
    """


@command.command("check")
@click.argument("store")
@options.trust_option
@options.log_format_option
def check(store: str, trust: str | None, log_format: str | None) -> None:
    """Try what the server of STORE can do, and read back everything that is in it.

    \b
    Example:
      nfsroot store check /srv/artifacts
    """
    from builder.store.probe import probe
    from builder.store.verify import verify_store

    trusted = options.open_trusted(store, trust)
    for what, came in probe(trusted.storage).items():
        write(f"{what:48} {came}")
    with renderer(log_format, verbose=False) as show:
        faults = verify_store(trusted, show)
    if faults:
        raise NfsrootError(
            f"{count(len(faults), 'fault')} in {trusted.storage.address}",
            details="\n".join(f"  {fault}" for fault in faults),
        )
    write(f"{'signatures and blobs':48} verified")
    age = datetime.now(UTC) - trusted.renewed
    write(f"{'signed last':48} {trusted.renewed:%Y-%m-%d %H:%M} UTC, {age.days} days ago")


@command.command("refresh")
@click.argument("store")
@options.key_option
def refresh(store: str, key: Path | None) -> None:
    """Sign what is in STORE anew, for readers who refuse a store that was signed long ago.  Meant for a timer.

    \b
    Example:
      nfsroot store refresh /srv/artifacts
    """
    from builder.store.metadata import change_nothing

    publisher = options.open_publisher(store, key)
    state = publisher.commit(change_nothing)
    write(f"{publisher.storage.address} is signed anew: version {state.version}")


@command.command("pages")
@click.argument("store")
@options.trust_option
def pages(store: str, trust: str | None) -> None:
    """Write all pages of STORE for web browsers anew: index.html, and a page for each release.

    \b
    Example:
      nfsroot store pages /srv/artifacts

    Publishers keep the pages up to date; a newer nfsroot may show them in a better form.
    """
    from builder.store.page.update import write_all_pages

    trusted = options.open_trusted(store, trust)
    count = write_all_pages(trusted)
    write(f"{trusted.storage.address}: index.html and the pages of {count} releases are written")


@command.command("prune")
@click.argument("store")
@click.option(
    "--keep", type=click.IntRange(min=1), default=5, show_default=True, help="Releases of each name that stay."
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@options.key_option
def prune(store: str, keep: int, dry_run: bool, key: Path | None) -> None:
    """Remove releases from STORE that are older than the newest --keep of their name and that no channel names.

    \b
    Example:
      nfsroot store prune /srv/artifacts --keep 5 --dry-run

    Files that no release names stay for a day, because a publisher may be about to use them.
    """
    from builder.store import prune as pruning

    publisher = options.open_publisher(store, key)
    planned = pruning.plan(publisher, keep)
    would = "would be " if dry_run else ""
    if not dry_run:
        planned = pruning.prune(publisher, planned)
    for release in planned.releases:
        write(f"{release.reference} {would}removed")
    write(f"{count(len(planned.objects), 'object')} of {size_in_words(planned.size)} {would}removed")


@command.group("keys")
def keys() -> None:
    """Show or change the keys of a store: show, rotate, recover."""


@keys.command("show")
@click.argument("store")
def show(store: str) -> None:
    """Show the fingerprint of STORE, and where its keys are.

    \b
    Example:
      nfsroot store keys show /srv/artifacts
    """
    from builder.store import keys as held
    from builder.store import layout, metadata

    storage = options.open_storage(store)
    first_root = storage.read(layout.FIRST_ROOT, metadata.MOST_BYTES)
    root = metadata.newest_root(storage, first_root)
    mine = held.find_keys(first_root)
    write(f"fingerprint {held.fingerprint(first_root)}")
    write(f"root        version {root.version}, valid until {root.expires:%Y-%m-%d}")
    write(f"keys here   {mine.directory if mine else 'none'}")
    for name in (held.ROOT, held.ONLINE) if mine else ():
        there = (mine.directory / name).exists() if mine else False
        write(f"  {name:10} {'here' if there else 'elsewhere'}")


@keys.command("rotate")
@click.argument("store")
@click.option("--root", "of_root", is_flag=True, help="Replace the root key in place of the online key.")
def rotate(store: str, of_root: bool) -> None:
    """Replace the online key of STORE; readers need not do anything.  The root key has to be here.

    \b
    Example:
      nfsroot store keys rotate /srv/artifacts
    """
    from builder.store import keys as held
    from builder.store import layout, metadata, rotation

    storage = options.open_storage(store)
    mine = held.find_keys(storage.read(layout.FIRST_ROOT, metadata.MOST_BYTES))
    if mine is None:
        raise NfsrootError(f"the keys of {storage.address} are not on this machine")
    if of_root:
        rotation.rotate_root(storage, mine)
    else:
        rotation.rotate_online(storage, mine)
    write(f"{'root' if of_root else 'online'} key of {storage.address} replaced: {mine.directory}")


@keys.command("recover")
@click.argument("store")
@options.key_option
def recover(store: str, key: Path | None) -> None:
    """Sign STORE anew after it was restored from a backup, so that readers who saw newer states accept it.

    \b
    Example:
      nfsroot store keys recover /srv/artifacts
    """
    from builder.store import rotation

    publisher = options.open_publisher(store, key)
    state = rotation.recover(publisher)
    write(f"{publisher.storage.address} is signed anew: version {state.version}")
    write("Releases that were published after the backup have to be published once more.")
