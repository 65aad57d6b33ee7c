"""The command `nfsroot`: its verbs, and how errors end it."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import sys

import click

import builder
from builder.cli import output
from builder.errors import NfsrootError, OutputError
from builder.umask import UMASK

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
    "store": "Check, refresh or prune a store; its keys.",
    "capacity": "Estimate how long many nodes take to boot at once.",
    "schema": "Print the JSON Schemas.",
    "clean": "Remove what the cache need not keep.",
    "doctor": "Say what is missing on this machine.",
}
"""The verbs in the order of their use, each in a module of its own that is imported when it is called."""

INTERRUPTED = 130
NOBODY_READS = 128 + signal.SIGPIPE
"""Exit status when who read standard output has gone, as of a program that SIGPIPE ends (`yes | head -1`)."""

OBJECTS_BETWEEN_COLLECTIONS = 100_000
"""New objects after which Python looks for cycles among them (gc.set_threshold()), not 700: what a build makes lives
until its end, so that it would find nothing, and look through ever more."""


class Verbs(click.Group):
    """A group whose commands are imported when they are needed, so that --help is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of all verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb called `cmd_name`, imported."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"builder.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a did-you-mean."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], VERBS, n=1)
            if near:
                raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from None
            raise


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
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
    """Run the command line; a person never sees a traceback for a mistake of theirs."""
    os.umask(UMASK)
    make_quick()
    output.accept_every_character()
    try:
        status = cli.main(standalone_mode=False)
    except click.ClickException as error:
        with contextlib.suppress(OSError):
            error.show()
        status = error.exit_code
    except NfsrootError as error:
        output.write_if_possible(error_text(error))
        status = error.exit_status
    except (click.Abort, KeyboardInterrupt):
        output.write_if_possible("interrupted")
        status = INTERRUPTED
    except OutputError as error:
        output.abandon()
        if not error.is_closed:
            output.write_if_possible(f"nfsroot: {error}")
        status = NOBODY_READS if error.is_closed else 1
    except OSError as error:
        output.abandon()  # click's own --help may have met a full disk
        output.write_if_possible(f"nfsroot: {error}")
        status = 1
    gc.freeze()  # or Python would look for cycles among all that there is, once more before it ends
    sys.exit(status)


def make_quick() -> None:
    """Spare this process what takes time and is of no use to it, before the most is imported."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    # No plugin of pydantic's may have a say in what a recipe means, so none is looked for.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def error_text(error: NfsrootError) -> str:
    """An error as it is shown: what happened, details, what to do."""
    parts = (f"nfsroot: {error.brief}", error.details, error.resolution and f"-> {error.resolution}")
    return "\n".join(part for part in parts if part)
