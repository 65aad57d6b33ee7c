"""The command `nfsroot` and its verbs."""

from __future__ import annotations

import click

import builder
from builder.cli.running import Verbs, run

VERBS = {
    "build": "Build a recipe's release.",
    "plan": "Show what a build would do, and why.",
    "check": "Check a recipe.",
    "show": "Show a release.",
    "list": "List recipes and releases.",
    "diff": "Show what differs between two releases.",
    "sbom": "Print the list of the software in a release.",
    "lab": "Boot a release's nodes on a private network and check them.",
    "publish": "Publish a release to a store.",
    "promote": "Let a channel of a store name a release.",
    "yank": "Withdraw a release from a store.",
    "fetch": "Fetch a release from a store.",
    "verify": "Verify a release, a store, or an unpacked tree.",
    "export": "Copy releases of a store to a directory.",
    "mirror": "Copy a store to another place.",
    "site": "Unpack, switch and prune releases on an NFS server.",
    "store": "Check, refresh or prune a store; its keys.",
    "capacity": "Estimate how long many nodes take to boot at once.",
    "schema": "Print the JSON Schemas.",
    "clean": "Remove old objects and packages from the cache.",
    "doctor": "Say what is missing on this machine.",
}
"""The verbs in the order of their use, each in a module of its own that is imported when it is called."""


class NfsrootVerbs(Verbs):
    """The verbs of `nfsroot`."""

    verbs = VERBS
    modules = "builder.cli"


@click.group(cls=NfsrootVerbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(builder.__version__, prog_name="nfsroot")
def cli() -> None:
    """Turn a recipe into a cluster of diskless nodes that boot.

    \b
    Examples:
      nfsroot build kerrighed          build the release of a recipe
      nfsroot plan kerrighed           say what a build would do, and why
      nfsroot check my/recipe.toml     report every mistake in a recipe

    Completion for bash: eval "$(_NFSROOT_COMPLETE=bash_source nfsroot)"; zsh and fish likewise.

    \b
    Exit status: 0 done; 1 failed; 2 the input is wrong; 3 refused or not trusted; 130 interrupted.
    """


def main() -> None:
    """Run the command line."""
    run(cli)
