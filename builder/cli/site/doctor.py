"""`nfsroot-site doctor`: says what is wrong with this server."""

from __future__ import annotations

import sys

import click

from builder.cli.output import write
from builder.site.places import Places


@click.command("doctor")
@click.pass_obj
def command(places: Places) -> None:
    """Say what is wrong with this server, and how to put it right; exit status 1 when something is.

    Looks for the programs that unpack releases, for servers that are not installed, do not run or do not listen, for
    settings that were changed or are missing, and for file systems on which nodes reach more than they should.

    \b
    Examples:
      nfsroot-site doctor
    """
    from builder.site.doctor import examine
    from builder.site.services import open_site

    findings = examine(open_site(places))
    for finding in findings:
        write(f"{'fault' if finding.is_fault else 'caution'}: {finding.text}")
        if finding.fix:
            write("".join(f"  {line}\n" for line in finding.fix.splitlines()), newline=False)
    if not findings:
        write("Nothing is wrong with this server.")
    sys.exit(1 if any(finding.is_fault for finding in findings) else 0)
