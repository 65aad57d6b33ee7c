"""Runs command lines whose verbs are imported when they are called; errors end with a message and an exit status."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import sys
from collections.abc import Mapping

import click

from builder.cli import output
from builder.errors import NfsrootError, OutputError
from builder.umask import UMASK

INTERRUPTED = 130
NOBODY_READS = 128 + signal.SIGPIPE
"""The exit status when the reader of standard output has gone, as after SIGPIPE (`yes | head -1`)."""

OBJECTS_BETWEEN_COLLECTIONS = 100_000
"""The number of new objects after which Python looks for cycles (gc.set_threshold()), instead of 700.

The objects of a build live until its end: Python would look through ever more of them, and find nothing."""


class Verbs(click.Group):
    """A group whose commands are imported when they are needed, so that --help is quick.

    `verbs` has a line of help for each verb; each is the `command` of a module of its own in the package `modules`.
    """

    verbs: Mapping[str, str] = {}
    modules: str = ""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of all verbs."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb called `cmd_name`, imported."""
        if cmd_name not in self.verbs:
            return None
        command: click.Command = importlib.import_module(f"{self.modules}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.verbs.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve the command as click does; the error for an unknown verb names the verb nearest to it."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], self.verbs, n=1)
            if near:
                raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from None
            raise


def run(command: click.Command) -> None:
    """Run a command line to its end, with its exit status; a person never sees a traceback for a mistake of theirs."""
    os.umask(UMASK)
    make_quick()
    output.accept_every_character()
    try:
        status = command.main(standalone_mode=False)
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
    """Have this process collect garbage seldom, and import no plugins of pydantic."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    # No plugin of pydantic's may have a say in what a recipe means, so none is looked for.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def error_text(error: NfsrootError) -> str:
    """The text of an error for a person: the event, its details, and the way to mend it."""
    parts = (f"nfsroot: {error.brief}", error.details, error.resolution and f"-> {error.resolution}")
    return "\n".join(part for part in parts if part)
