"""Compares two releases, or a release and the next build of a recipe."""
