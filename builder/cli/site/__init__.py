"""The command `nfsroot-site`, which is also `nfsroot site`, and its verbs."""

from __future__ import annotations

from pathlib import Path

import click

import builder
from builder.cli.running import Verbs, run
from builder.site.places import Places

VERBS = {
    "trust": "Trust a store by its fingerprint.",
    "unpack": "Unpack a release beside the others on this server.",
    "switch": "Have nodes boot a version, all of them or some, for good or on trial.",
    "confirm": "Confirm nodes on trial, by hand or by their reports.",
    "rollback": "Have nodes boot the version before again, or another one.",
    "sync": "Follow a channel of a store: unpack what it names, and switch.",
    "prune": "Remove releases that nothing needs any more, and say what keeps the others.",
    "remove": "Take all of a recipe off this server.",
    "apply": "Make the server's settings follow, after a change of the site's own configuration.",
    "undo": "Take the last change of what nodes boot back.",
    "status": "Say what nodes run, and what they boot next.",
    "verify": "Compare unpacked releases with what was unpacked.",
    "log": "Show the changes that were made here.",
    "doctor": "Say what is wrong with this server.",
}
"""The verbs in the order of their use, each in a module of its own that is imported when it is called."""


REPLACE = "nfsroot.site.replace"
"""The option --replace among the data that verbs share (click.Context.meta)."""


class SiteVerbs(Verbs):
    """The verbs of `nfsroot-site`."""

    verbs = VERBS
    modules = "builder.cli.site"


@click.group(cls=SiteVerbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(builder.__version__, prog_name="nfsroot-site")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("/"),
    help="Work on the file system tree in this directory instead of /, and touch no service.",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Replace settings that were changed by hand, or that nfsroot did not write; they are kept in /var/backups.",
)
@click.pass_context
def command(context: click.Context, root: Path, replace: bool) -> None:
    """Unpack releases on an NFS server, and say which of them its nodes boot.

    \b
    Examples:
      nfsroot-site switch kerrighed 2026.02.01 --dry-run
      nfsroot-site switch kerrighed 2026.02.01 --nodes 'ssi[1-2]' --confirm 15m
      nfsroot-site rollback kerrighed
      nfsroot-site status --watch      what nodes run, and what they boot next
      nfsroot site log                 show the changes that were made on this server
      nfsroot-site log                 the same; an NFS server needs no more than the package nfsroot-site

    \b
    Exit status: 0 done; 1 failed, or something differs from what was switched; 2 the input is wrong;
    3 refused or not trusted; 130 interrupted.
    """
    context.obj = Places(root.resolve())
    context.meta[REPLACE] = replace


def main() -> None:
    """Run the command line."""
    run(command)
