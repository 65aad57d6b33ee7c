"""`nfsroot doctor`: what is missing on this machine, and the one command that installs it."""

from __future__ import annotations

import sys

import click


@click.command("doctor")
@click.option("--quiet", is_flag=True, help="Print only the names of missing packages.")
def command(quiet: bool) -> None:
    """Say what a build needs and this machine lacks; exit status 1 when something is missing.

    \b
    Example:
      nfsroot doctor
    """
    from builder import host

    missing = host.missing_packages()
    if quiet:
        click.echo(" ".join(missing))
    else:
        for tool in host.TOOLS:
            click.echo(f"{'missing' if tool.package in missing else 'ok':8} {tool.command:12} {tool.purpose}")
        if missing:
            click.echo(f"\nInstall what is missing: apt-get install --no-install-recommends {' '.join(missing)}")
    sys.exit(1 if missing else 0)
