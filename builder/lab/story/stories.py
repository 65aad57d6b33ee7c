"""The list of stories, and the scenes that the quick matrix plays."""

from __future__ import annotations

from builder.lab.story import clusters, trouble, update
from builder.lab.story.scene import Scene
from builder.lab.story.story import Story

QUICK = update.SCENES
"""The scenes that the quick matrix plays."""

STORIES: dict[str, tuple[Scene[Story], ...]] = {"update": (*update.SCENES, *trouble.SCENES, *clusters.SCENES)}
