"""`nfsroot verify`: verifies a release, a store, or a tree on an NFS server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli import store_options as options
from builder.cli.output import write
from builder.cli.render import renderer, size_in_words
from builder.counting import count
from builder.errors import InputError, NfsrootError

if TYPE_CHECKING:
    from builder.store.tree_check import Difference

SHOWN = 20
"""Differences of a tree that are shown, at most."""

MOST_OF_LIST = 1 << 30
"""Bytes of the list of a tree, at most: some five million paths."""


@click.command("verify")
@click.argument("what", metavar="RELEASE|STORE|DIRECTORY")
@click.option(
    "--against",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="RELEASE",
    help="WHAT is a tree that was unpacked from this release.",
)
@click.option("--partial", is_flag=True, help="WHAT is a copy of a store that has some of its releases only.")
@options.trust_option
@options.log_format_option
def command(what: str, against: Path | None, partial: bool, trust: str | None, log_format: str | None) -> None:
    """Verify a release's directory, everything in a store, or a tree that was unpacked from a release.

    \b
    Examples:
      nfsroot verify output/kerrighed/2026.01.31
      nfsroot verify /srv/artifacts
      nfsroot verify /media/usb/nfsroot --partial
      nfsroot verify /NFSROOT/kerrighed/2026.01.31 --against output/kerrighed/2026.01.31

    Exit status: 0 all is as it was signed; 1 something is damaged; 3 the signatures do not hold.
    """
    if against is not None:
        _verify_tree(Path(what), options.release_directory(str(against), Path("output")))
    elif (Path(what) / "manifest.json").is_file():
        from builder.store.verify import verify_release

        write(f"{what}: {size_in_words(verify_release(Path(what)))} verified")
    elif Path(what, "etc").is_dir() and not Path(what, "metadata").is_dir():
        raise InputError(f"{what} is a tree", resolution="Name the release that it comes from: --against RELEASE.")
    else:
        _verify_store(what, trust, log_format, partial=partial)


def _verify_store(address: str, trust: str | None, log_format: str | None, *, partial: bool) -> None:
    from builder.store.verify import verify_store

    trusted = options.open_trusted(address, trust)
    with renderer(log_format, verbose=False) as show:
        faults = verify_store(trusted, show, partial=partial)
    if faults:
        raise NfsrootError(
            f"{count(len(faults), 'fault')} in {trusted.storage.address}",
            details="\n".join(f"  {fault}" for fault in faults),
            resolution="Publish the releases once more from where they were built, with --repair."
            + ("" if partial else "\n   A copy that has some of its store's releases only is verified with --partial."),
        )
    write(f"{trusted.storage.address}: signatures and all blobs verified; signed {trusted.renewed:%Y-%m-%d %H:%M} UTC")


def _verify_tree(directory: Path, release: Path) -> None:
    from builder.release.unpacking import unpack_zstd
    from builder.store.tree_check import compare_tree

    listing = release / "tree.tsv.zst"
    if not listing.is_file():
        raise InputError(f"{release} has no list of its tree", resolution="An older nfsroot made it: build it anew.")
    unpacked = unpack_zstd(listing.read_bytes(), MOST_OF_LIST, str(listing))
    found = list(compare_tree(directory, unpacked.decode().splitlines()))
    if found:
        raise NfsrootError(f"{directory} differs from {release} in {count(len(found), 'path')}", details=_lines(found))
    write(f"{directory} is as it was in {release}")


def _lines(found: list[Difference]) -> str:
    lines = [f"  {difference}" for difference in found[:SHOWN]]
    return "\n".join([*lines, *([f"  and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])])
