"""Writes to standard output and standard error, also when a file is full or the reader has gone."""

from __future__ import annotations

import contextlib
import io
import os
import sys

import click

from builder.errors import OutputError


def write(text: str | bytes, *, err: bool = False, newline: bool = True) -> None:
    """Write `text` and a newline to standard output, or to standard error with `err`.

    JSON for other programs comes as bytes: it is UTF-8 whatever the locale.

    :raises OutputError: nobody reads, or the file is full.
    """
    try:
        click.echo(text, err=err, nl=newline)
    except OSError as error:
        raise OutputError(f"standard {'error' if err else 'output'}", error) from error


def write_if_possible(text: str) -> None:
    """Write a last line to standard error, which may be full as well."""
    with contextlib.suppress(OutputError):
        write(text, err=True)


def accept_every_character() -> None:
    """Let characters that the locale's encoding lacks appear as escapes (\\u2014) instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def abandon() -> None:
    """Drop the text that waits for standard output, which Python would try to write once more when it ends."""
    with contextlib.suppress(OSError, AttributeError):  # standard output may be closed, or a test's
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
