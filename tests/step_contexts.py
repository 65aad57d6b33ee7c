"""The surroundings of a single step, for tests that run it without a build."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from builder.cache import Cache
from builder.container.engine import Engine, Image
from builder.context import BuildContext
from builder.debian.archive import INDEX, Archive
from builder.layout import Layout
from builder.packing import tree_list
from builder.packing.archive import Joined
from builder.packing.release_step import ReleaseContext
from builder.parallel import Crew
from builder.plan.model import Plan
from builder.recipe.models import Recipe

IMAGE = Image("0123456789abcdef01234567", Path("/cache/builder-image/rootfs"))
SOURCE_DATE = 1763200000


def context_of(recipe: Recipe, engine: Engine, directory: Path, **changes: Any) -> BuildContext:
    """The surroundings of a step of a build of `recipe`, with a cache in `directory`, and an archive of no packages."""
    surroundings: dict[str, Any] = {
        "recipe": recipe,
        "plan": Plan(recipe.image.name, (), None, None),
        "cache": Cache(directory / "cache"),
        "engine": engine,
        "image": IMAGE,
        "archive": Archive("a" * 24, datetime(2025, 11, 15, tzinfo=UTC), directory, directory / INDEX),
        "source_date": SOURCE_DATE,
        "room_mib": 0,
        "emit": lambda _event: None,
    }
    return BuildContext(**{**surroundings, **changes})


def release_context_of(layout: Layout, engine: Engine, directory: Path, aside: Crew, **changes: Any) -> ReleaseContext:
    """The surroundings of a step that makes a part of the release with this layout in `directory`."""
    scratch = directory / "scratch"
    scratch.mkdir()
    return ReleaseContext(
        **vars(context_of(layout.recipe, engine, directory, **changes)),
        layout=layout,
        scratch=scratch,
        aside=aside,
        root=Joined(directory / layout.root_file),
        server=Joined(directory / layout.bundle_file),
        listed=Joined(directory / tree_list.FILE),
    )
