"""`nfsroot show`: prints the facts about one release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.output import write
from builder.errors import InputError

if TYPE_CHECKING:
    from builder.release.manifest import Manifest


@click.command("show")
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the manifest.")
@click.option("--packages", is_flag=True, help="List the packages in the tree.")
def command(release: Path, as_json: bool, packages: bool) -> None:
    """Show the release in directory RELEASE.

    \b
    Example:
      nfsroot show output/kerrighed/2026.01.31
    """
    from builder.cli import summary
    from builder.release.manifest import FILE, Manifest
    from builder.release.proof import tell_standing

    if not (release / FILE).is_file():
        raise InputError(f"{release} holds no release", resolution="`nfsroot list` shows the releases that exist.")
    manifest = Manifest.read(release)
    if as_json:
        write((release / FILE).read_bytes(), newline=False)
        return
    write(f"{manifest.name} {manifest.version}")
    write(f"kernel   {manifest.kernel_version}")
    write(f"server   {manifest.server_directory}")
    write(f"ports    {_ports(manifest)}")
    write(f"packages {len(manifest.packages)}")
    write(f"lab      {tell_standing(release)}")
    write("\n".join(summary.list_sizes(release, manifest)))
    for sentence in manifest.lost:
        write(f"schema {manifest.schema_version}: {sentence}")
    if packages:
        write("\n".join(f"{package.name} {package.version}" for package in manifest.packages))


def _ports(manifest: Manifest) -> str:
    """The ports at which nodes listen, in words; `unknown` when this nfsroot cannot read the release's recipe."""
    try:
        return ", ".join(manifest.read_recipe().open_ports) or "none"
    except InputError as error:
        return f"unknown: {error.brief}"
