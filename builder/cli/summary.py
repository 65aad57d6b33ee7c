"""The summary that a user reads at the end of a build."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from builder.events import StepFinished, Summary
from builder.layout import Layout
from builder.release.manifest import FILE, Manifest
from builder.server.procedure import procedure

INVISIBLE = (FILE, "SHA256SUMS", "build.log")


def summarize_build(directory: Path, finished: Sequence[StepFinished], seconds: float) -> Summary:
    """The summary of a build that took `seconds`, with the seconds of each step that ran."""
    manifest = Manifest.read(directory)
    lines = [f"Release {manifest.name} {manifest.version} in {seconds:.1f} s: {directory}", ""]
    lines += list_sizes(directory, manifest)
    lines += ["", "Time: " + ", ".join(f"{step.step} {step.seconds:.1f} s" for step in finished)]
    lines += ["", *next_steps(directory, manifest)]
    return Summary(str(directory), False, tuple(lines))


def list_sizes(directory: Path, manifest: Manifest) -> list[str]:
    """One line a file: size and path."""
    named = [(file.path, file.size) for file in manifest.files]
    named += [(name, (directory / name).stat().st_size) for name in INVISIBLE if (directory / name).is_file()]
    return [f"  {size / 1e6:8.1f} MB  {path}" for path, size in sorted(named)]


def next_steps(directory: Path, manifest: Manifest) -> list[str]:
    """The commands that put a release to use on its server."""
    recipe = manifest.read_recipe()
    steps = procedure(Layout(recipe, manifest.version), recipe.cluster.server)
    return [
        "Next, on the NFS server (the bundle's README says more):",
        f"  cd {directory}",
        *(f"  {command}" for command in (*steps.unpack, *steps.install)),
    ]
