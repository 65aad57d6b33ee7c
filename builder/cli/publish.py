"""`nfsroot publish`: publishes a release to a store."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli import store_options as options
from builder.cli.options import output_option
from builder.cli.output import write
from builder.cli.render import renderer, size_in_words
from builder.errors import InputError
from builder.parallel import crew

if TYPE_CHECKING:
    from builder.store.publish import Published


@click.command("publish")
@click.argument("release", metavar="RELEASE|RECIPE")
@options.to_option
@click.option("--channel", default="", metavar="CHANNEL", help="Let this channel name the release, such as test.")
@options.limit_option
@options.key_option
@click.option(
    "--ssh-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Sign SHA256SUMS with this ssh key, for copies outside a store.",
)
@click.option("--allow-unproved", is_flag=True, help="Publish a release that the lab has not passed.")
@click.option("--allow-password", is_flag=True, help="Publish a release with a password into a store that others read.")
@click.option("--repair", is_flag=True, help="Send every part anew, also those that the store holds.")
@output_option
@options.log_format_option
def command(
    release: str,
    store: str,
    channel: str,
    limit: float | None,
    key: Path | None,
    ssh_key: Path | None,
    allow_unproved: bool,
    allow_password: bool,
    repair: bool,
    output: Path,
    log_format: str | None,
) -> None:
    """Publish the release in directory RELEASE, or the newest one of RECIPE, to a store, which gets what it lacks.

    \b
    Examples:
      nfsroot publish kerrighed --to /srv/artifacts
      nfsroot publish output/kerrighed/2026.01.31 --to site --channel test --limit 20M

    The first publish to an empty directory makes a store, and its keys below ~/.config/nfsroot/keys.
    """
    from builder.sbom.beside import sboms_beside
    from builder.store.release import read_manifest
    from builder.store.release_files import begin_check

    manifest = read_manifest(directory := options.release_directory(release, output))
    with contextlib.ExitStack() as aside:
        # Both take as long as all that comes before their results are asked for.
        sboms = aside.enter_context(sboms_beside(directory, options.own_cache()))
        storage = options.open_storage(store, release)
        check = begin_check(aside.enter_context(crew(1)), directory, manifest, storage)
        show = aside.enter_context(renderer(log_format, verbose=False))

        from builder.release.proof import tell_standing
        from builder.store.publish import (
            Candidate,
            Permissions,
            lab_file,
            need_publishable,
            open_or_make_store,
            publish,
        )
        from builder.store.signature import sign

        signed = sign(manifest, ssh_key) if ssh_key else {}
        candidate = Candidate(
            directory,
            manifest,
            tell_standing(directory),
            lambda: {**lab_file(directory), **_wait_for(sboms), **signed},
            check,
        )
        allowed = Permissions(allow_unproved, allow_password)
        need_publishable(candidate, storage, allowed)
        publisher = open_or_make_store(storage, key, lambda text: write(text, err=True))
        done = publish(
            publisher, candidate, options.transfers(show, limit), channel=channel, allowed=allowed, repair=repair
        )
    _tell(done, publisher.storage.address)


def _tell(done: Published, address: str) -> None:
    """Say what the store has now."""
    there = done.release
    write(f"{there.reference} is in {address}: {size_in_words(done.sent)} of {size_in_words(there.size)} were new")
    write(f"channels {', '.join(there.channels) or 'none'}")
    write(f"lab      {there.lab}")


def _wait_for(sboms: Callable[[], dict[str, bytes]]) -> dict[str, bytes]:
    """The lists of a release's software (SBOM); none, with a caution, for a release that an older nfsroot made."""
    try:
        return sboms()
    except InputError as error:
        write(f"caution: the release is published without an SBOM: {error.brief}", err=True)
        return {}
