"""`nfsroot sbom`: prints the list of the software in a release."""

from __future__ import annotations

from pathlib import Path

import click

from builder.cli import options
from builder.cli.output import write
from builder.errors import InputError


@click.command("sbom")
@click.argument("release", type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(("cyclonedx", "spdx")), default="cyclonedx", show_default=True,
    help="CycloneDX 1.6 or SPDX 2.3, as JSON.",
)  # fmt: skip
@click.option("--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write it to FILE.")
@options.cache_option
def command(release: Path, form: str, output: Path | None, cache_dir: Path | None) -> None:
    """Print the list of the software (SBOM) in the release in directory RELEASE.

    \b
    Examples:
      nfsroot sbom output/kerrighed/2026.01.31 > sbom.cdx.json
      nfsroot sbom output/kerrighed/2026.01.31 --format spdx --output sbom.spdx.json
    """
    from builder.sbom.formats import CYCLONEDX, SPDX
    from builder.sbom.make import make_sboms

    content = make_sboms(release, options.cache_at(cache_dir))[{"cyclonedx": CYCLONEDX, "spdx": SPDX}[form]]
    if output is None:
        write(content, newline=False)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error.strerror}") from error
