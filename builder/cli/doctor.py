"""`nfsroot doctor`: prints the requirements that this machine lacks, and the one command that installs them."""

from __future__ import annotations

import sys

import click

from builder.cli.output import write


@click.command("doctor")
@click.option("--lab", is_flag=True, help="Look for what the lab needs, too.")
@click.option("--quiet", is_flag=True, help="Print only the names of missing packages.")
def command(lab: bool, quiet: bool) -> None:
    """Say what a build needs and this machine lacks; exit status 1 when something is missing.

    On an NFS server it also says which exports are within reach of nodes that may only read them.

    \b
    Examples:
      nfsroot doctor
      nfsroot doctor --lab
    """
    from builder import host
    from builder.server import neighbours

    tools, absent = host.TOOLS, host.missing(host.TOOLS)
    if lab:
        from builder.lab import host as lab_host

        more = tuple(tool for tool in lab_host.TOOLS if tool.package not in {known.package for known in tools})
        tools, absent = tools + more, absent + lab_host.find_missing_tools(more)
    packages = [package for tool in absent for package in tool.package.split()]
    if quiet:
        write(" ".join(packages))
    else:
        for tool in tools:
            write(f"{'missing' if tool in absent else 'ok':8} {tool.command:18} {tool.purpose}")
        for caution in neighbours.cautions(neighbours.exported()):
            write(f"\ncaution  {caution}")
        if packages:
            write(f"\nInstall what is missing: apt-get install --no-install-recommends {' '.join(packages)}")
    sys.exit(1 if packages else 0)
